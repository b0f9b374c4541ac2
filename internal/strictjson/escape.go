package strictjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions in this file decode the text of a JSON string without its quotes. The text
// must be valid. If the text is invalid, the result is some other text.

// appendText decodes the escapes of text and appends the result to dst. The result is never
// longer than text.
func appendText(dst []byte, text string) []byte {
	for text != "" {
		if text[0] != '\\' {
			i := strings.IndexByte(text, '\\')
			if i < 0 {
				return append(dst, text...)
			}
			dst, text = append(dst, text[:i]...), text[i:]
		}
		r, n := decodeEscape(text)
		dst, text = utf8.AppendRune(dst, r), text[n:]
	}
	return dst
}

// isText reports whether text decodes to want. It allocates no memory. The time depends on
// the length of want, and not on the length of text.
func isText(text, want string) bool {
	for {
		// If the first bytes have no escape, and there is one more of them than want has, then
		// text is longer than want.
		i := strings.IndexByte(text[:min(len(text), len(want)+1)], '\\')
		if i < 0 {
			return text == want
		}
		r, n := decodeEscape(text[i:])
		var encoded [utf8.UTFMax]byte
		size := utf8.EncodeRune(encoded[:], r)
		if len(want) < i+size || want[:i] != text[:i] || want[i:i+size] != string(encoded[:size]) {
			return false
		}
		text, want = text[i+n:], want[i+size:]
	}
}

// decodeEscape decodes the escape at the start of text. It returns the character and the
// length of the escape in bytes.
func decodeEscape(text string) (r rune, length int) {
	if len(text) < len(`\n`) {
		return utf8.RuneError, len(text)
	}
	switch c := text[1]; c {
	case 'b':
		return '\b', len(`\b`)
	case 'f':
		return '\f', len(`\f`)
	case 'n':
		return '\n', len(`\n`)
	case 'r':
		return '\r', len(`\r`)
	case 't':
		return '\t', len(`\t`)
	case 'u':
		const unit, pair = len(`\u0000`), len(`\ud800\udc00`)
		if r = hexRune(text, unit); utf16.IsSurrogate(r) && len(text) >= pair {
			return utf16.DecodeRune(r, hexRune(text[unit:], unit)), pair
		}
		return r, min(len(text), unit)
	default: // a quote, a backslash or a slash
		return rune(c), len(`\"`)
	}
}

// hexRune returns the value of the hexadecimal digits at the end of the escape with the
// given length.
func hexRune(escape string, length int) (r rune) {
	for i := len(`\u`); i < min(len(escape), length); i++ {
		digit := rune(escape[i])
		if digit > '9' {
			digit = digit&^0x20 - 'A' + '9' + 1 // 0x20 is the difference between a lower and an upper case letter
		}
		r = r<<4 | (digit - '0')
	}
	return r
}

// IsText reports whether v is a JSON string with the text want. v must be valid JSON or
// empty. IsText allocates no memory.
func IsText(v, want string) bool {
	return len(v) >= 2 && v[0] == '"' && isText(v[1:len(v)-1], want)
}

// AppendText appends the text of a JSON string to dst, with its escapes decoded. v must be a valid
// JSON string.
func AppendText(dst []byte, v string) []byte { return appendText(dst, v[1:len(v)-1]) }

// textDecoder decodes the escapes of several texts. All results share one buffer, so that
// the number of allocations does not depend on the number of texts.
type textDecoder struct {
	results strings.Builder
	buf     []byte
}

// decode decodes text. rest is at least the length of text and of all texts that follow; it
// is the size of the buffer.
func (d *textDecoder) decode(text string, rest int) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	if d.results.Cap() == 0 {
		d.results.Grow(rest)
	}
	d.buf = appendText(d.buf[:0], text)
	start := d.results.Len()
	d.results.Write(d.buf) // never moves the earlier results, because there is enough space
	return d.results.String()[start:]
}
