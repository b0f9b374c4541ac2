package strictjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The functions in this file are a fast path for plain objects. In a plain object
//
//   - all text is ASCII without backslashes and control characters;
//   - the only white space between values is spaces;
//   - all numbers are positive integers;
//   - objects and arrays nest at most maxPlainDepth levels deep, and a nested object has at
//     most maxPlainMembers members.
//
// The headers and claims of nearly all tokens are plain. For a plain object, the fast path
// takes a quarter of the time that jsontext takes. The fast path never refuses an object. If
// the text is not plain, jsontext decides. jsontext accepts every object that the fast path
// accepts; FuzzRead checks this.

const (
	maxPlainDepth   = 4
	maxPlainMembers = 8 // maximum number of members of a nested object
)

// readPlain sets r.members to the members of a plain object. It reports false if data is not
// plain.
func (r *Record) readPlain(data []byte) bool {
	if len(data) < 2 || data[0] != '{' || bytes.IndexByte(data, '\\') >= 0 {
		return false
	}
	r.members = r.inline[:0]
	i := skipSpaces(data, 1)
	if i < len(data) && data[i] == '}' {
		return i == len(data)-1
	}
	for {
		m, ok := plainMember(data, i)
		if !ok || len(r.members) == maxPairwise || !r.addPlain(m) {
			return false
		}
		i = skipSpaces(data, int(m.valueEnd))
		if i >= len(data) {
			return false
		}
		switch data[i] {
		case '}':
			return i == len(data)-1
		case ',':
			i = skipSpaces(data, i+1)
		default:
			return false
		}
	}
}

// plainMember returns the member that begins at i. It reports false if the member is not
// plain.
func plainMember(data []byte, i int) (span, bool) {
	nameEnd, ok := plainString(data, i)
	if !ok {
		return span{}, false
	}
	value := skipSpaces(data, nameEnd)
	if value >= len(data) || data[value] != ':' {
		return span{}, false
	}
	value = skipSpaces(data, value+1)
	end, ok := plainValue(data, value, 1)
	//nolint:gosec // the text has at most MaxRecord bytes, so its offsets fit into a uint16
	return span{uint16(i + 1), uint16(nameEnd - 1), uint16(value), uint16(end)}, ok
}

// plainString returns the end of the string that begins at i. It reports false if the
// string is not plain. data has no backslash.
func plainString(data []byte, i int) (int, bool) {
	if i >= len(data) || data[i] != '"' {
		return 0, false
	}
	// The loop tests eight bytes at a time. If byte k of x ends the string or is not plain,
	// the high bit of byte k in stop is set. The borrow of a subtraction can set the high
	// bits of later bytes too. Therefore the code uses only the first bit that is set.
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i++; i+8 <= len(data); i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote := x ^ '"'*ones
		stop := (x | (x - ' '*ones) | (quote-ones)&^quote) & highs
		if stop != 0 {
			i += bits.TrailingZeros64(stop) / 8
			return i + 1, data[i] == '"'
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c == '"' || c < ' ' || c >= 0x80 {
			return i + 1, c == '"'
		}
	}
	return 0, false
}

// plainValue returns the end of the value that begins at i. It reports false if the value
// is not plain.
func plainValue(data []byte, i, depth int) (int, bool) {
	if i >= len(data) {
		return 0, false
	}
	switch c := data[i]; {
	case c == '"':
		return plainString(data, i)
	case '1' <= c && c <= '9':
		for i++; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		}
		// A fraction, an exponent or a syntax error can follow the digits. The caller
		// detects this, because the caller expects a comma or a closing bracket.
		return i, true
	case c == '[' && depth < maxPlainDepth:
		return plainArray(data, i, depth+1)
	case c == '{' && depth < maxPlainDepth:
		return plainObject(data, i, depth+1)
	case bytes.HasPrefix(data[i:], []byte("true")), bytes.HasPrefix(data[i:], []byte("null")):
		return i + 4, true
	case bytes.HasPrefix(data[i:], []byte("false")):
		return i + 5, true
	}
	return 0, false
}

func plainArray(data []byte, i, depth int) (int, bool) {
	i = skipSpaces(data, i+1)
	if i < len(data) && data[i] == ']' {
		return i + 1, true
	}
	for {
		end, ok := plainValue(data, i, depth)
		if !ok {
			return 0, false
		}
		i = skipSpaces(data, end)
		if i >= len(data) {
			return 0, false
		}
		switch data[i] {
		case ']':
			return i + 1, true
		case ',':
			i = skipSpaces(data, i+1)
		default:
			return 0, false
		}
	}
}

func plainObject(data []byte, i, depth int) (int, bool) {
	i = skipSpaces(data, i+1)
	if i < len(data) && data[i] == '}' {
		return i + 1, true
	}
	var names [maxPlainMembers][]byte
	for n := range names {
		nameEnd, ok := plainString(data, i)
		if !ok {
			return 0, false
		}
		names[n] = data[i:nameEnd]
		for _, other := range names[:n] {
			if bytes.Equal(other, names[n]) {
				return 0, false
			}
		}
		i = skipSpaces(data, nameEnd)
		if i >= len(data) || data[i] != ':' {
			return 0, false
		}
		if i, ok = plainValue(data, skipSpaces(data, i+1), depth); !ok {
			return 0, false
		}
		i = skipSpaces(data, i)
		if i >= len(data) {
			return 0, false
		}
		switch data[i] {
		case '}':
			return i + 1, true
		case ',':
			i = skipSpaces(data, i+1)
		default:
			return 0, false
		}
	}
	return 0, false
}

func skipSpaces(data []byte, i int) int {
	for i < len(data) && data[i] == ' ' {
		i++
	}
	return i
}
