package claim

import (
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// maxList is the maximum length of a list of texts that Find compares one by one.
const maxList = 8

// Texts is a set of strings that a claim may contain, such as the audiences of a service. The
// zero Texts is empty. Texts is immutable and safe for concurrent use.
type Texts struct {
	list []string            // nil if there is a set
	set  map[string]struct{} // nil if the list is short
}

// NewTexts returns the set of these strings.
func NewTexts(list []string) Texts {
	if len(list) <= maxList {
		return Texts{list: slices.Clone(list)}
	}
	set := make(map[string]struct{}, len(list))
	for _, text := range list {
		set[text] = struct{}{}
	}
	return Texts{set: set}
}

// Find reports whether v is one of the texts, or an array that contains one of the texts. The
// result ok is false if v is neither a string nor an array of strings. v must be valid JSON or
// empty. The time does not depend on the number of texts.
func (t *Texts) Find(v string) (found, ok bool) {
	var space [128]byte // most strings fit
	buf := space[:0]
	if v == "" || v[0] != '[' {
		ok = v != "" && v[0] == '"'
		return ok && t.contains(v, &buf), ok
	}
	for element := range strictjson.Elements(v) {
		if element[0] != '"' {
			return false, false
		}
		found = found || t.contains(element, &buf)
	}
	return found, true
}

// contains reports whether the JSON string v is one of the texts. It decodes v into buf.
func (t *Texts) contains(v string, buf *[]byte) bool {
	if t.set == nil {
		return slices.ContainsFunc(t.list, func(text string) bool { return strictjson.IsText(v, text) })
	}
	inner := v[1 : len(v)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		_, ok := t.set[inner]
		return ok
	}
	*buf = strictjson.AppendText((*buf)[:0], v)
	_, ok := t.set[string(*buf)]
	return ok
}
