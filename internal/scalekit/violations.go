package scalekit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const maxIDLength = 32

// violation describes a problem with one field of a request.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Constraint  string `json:"constraint"`
}

// violations collects all problems with a request. The names of fields are those of the
// vendor's Protobuf messages. The zero value is ready to use.
type violations struct {
	found []violation
}

// refuse adds a violation of a field. If the field or an enclosing field already has a
// violation, refuse adds nothing.
func (v *violations) refuse(field, description, constraint string) {
	for _, known := range v.found {
		rest, inside := strings.CutPrefix(field, known.Field)
		if inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	v.found = append(v.found, violation{field, description, constraint})
}

// err returns an error that lists all violations, or nil if there are none.
func (v *violations) err() error {
	if len(v.found) == 0 {
		return nil
	}
	var texts []string
	for _, one := range v.found {
		texts = append(texts, one.Field+" "+one.Description)
	}
	return &apiError{code: codeInvalidArgument, message: "validation failed: " + strings.Join(texts, "; "), violations: v.found}
}

// length checks the number of characters of a text.
func (v *violations) length(field, text string, least, most int) {
	switch n := utf8.RuneCountInString(text); {
	case n == 0 && least > 0:
		v.refuse(field, "must not be empty", "string.min_len")
	case n < least:
		v.refuse(field, fmt.Sprintf("must have at least %d characters", least), "string.min_len")
	case n > most:
		v.refuse(field, fmt.Sprintf("must have at most %d characters", most), "string.max_len")
	}
}

// id checks the length and the prefix of an identifier. An empty prefix allows
// any identifier.
func (v *violations) id(field, id, prefix string) {
	v.length(field, id, 1, maxIDLength)
	if !strings.HasPrefix(id, prefix) {
		v.refuse(field, "must begin with "+prefix, "string.prefix")
	}
}
