package strictjson

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
)

// nameSet holds the names of all objects of one text. It finds duplicate names in linear
// time. It is a hash table with linear probing.
type nameSet struct {
	seed    maphash.Seed // random, so that clients cannot choose names with equal hashes
	slots   []nameSlot   // the length is a power of two, and at most half of the slots are used
	text    string
	escaped bool // the text has a backslash
	buf     []byte
}

// nameSlot is a place for one name. The zero nameSlot is free.
type nameSlot struct {
	hash   uint32
	object uint16 // the number of the object that has the name, counted from 1
	name   uint16 // index of the first byte of the name in the text
}

var nameSets = sync.Pool{New: func() any { return &nameSet{seed: maphash.MakeSeed()} }}

// countNames returns the number of members of the outermost object. It reports false if an
// object has duplicate names, at any depth. The text must be one valid JSON object of at
// most MaxRecord bytes that does not nest deeper than MaxDepth. data is the same text.
func countNames(data []byte, text string, escaped bool) (n int, unique bool) {
	s, _ := nameSets.Get().(*nameSet)
	defer nameSets.Put(s)
	s.reset(text, escaped, min(bytes.Count(data, []byte{':'}), len(text)/len(`"":0,`)+1))
	defer s.clear()

	var open [MaxDepth + 1]uint16 // the numbers of the open objects; 0 for an open array
	depth, objects, name := 0, uint16(0), false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			end := skipString(text, i, escaped)
			if name && !s.add(open[depth], i+1, end-1) {
				return 0, false
			}
			if name && depth == 1 {
				n++
			}
			i, name = end-1, false
		case '{':
			depth, objects, name = depth+1, objects+1, true
			open[depth] = objects
		case '[':
			depth, name = depth+1, false
			open[depth] = 0
		case '}', ']':
			depth, name = depth-1, false
		case ',':
			name = open[depth] > 0
		}
	}
	return n, true
}

// reset prepares an empty set for at most n names of a text.
func (s *nameSet) reset(text string, escaped bool, n int) {
	s.text, s.escaped = text, escaped
	size := 1 << bits.Len(uint(2*n))
	if cap(s.slots) < size {
		s.slots = make([]nameSlot, size)
	}
	s.slots = s.slots[:size]
	clear(s.slots)
}

// clear removes the text and the decoded names from the set, because the pool keeps the set.
func (s *nameSet) clear() {
	clear(s.buf[:cap(s.buf)])
	s.text = ""
}

// add adds the name text[start:end] of an object. It reports false if the object already has
// this name.
func (s *nameSet) add(object uint16, start, end int) bool {
	name := s.text[start:end]
	var sum uint64
	if isEscaped := s.escaped && strings.IndexByte(name, '\\') >= 0; isEscaped {
		s.buf = appendText(s.buf[:0], name)
		sum = maphash.Bytes(s.seed, s.buf)
	} else {
		sum = maphash.String(s.seed, name)
	}
	sum ^= uint64(object) * 0x9e3779b97f4a7c15                 // names of different objects get different hashes
	slot := nameSlot{uint32(sum >> 32), object, uint16(start)} //nolint:gosec // the text has at most MaxRecord bytes
	mask := len(s.slots) - 1
	for i := int(uint32(sum)) & mask; ; i = (i + 1) & mask { //nolint:gosec // only the low bits are used
		switch other := s.slots[i]; {
		case other.name == 0:
			s.slots[i] = slot
			return true
		case other.hash == slot.hash && other.object == object && s.isSame(int(other.name), name):
			return false
		}
	}
}

// isSame reports whether the name that begins at start is the same as another name.
func (s *nameSet) isSame(start int, other string) bool {
	end := skipString(s.text, start-1, s.escaped) - 1
	return isText(s.text[start:end], unescaped(other))
}
