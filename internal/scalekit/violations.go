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

// The type violations collects all problems with a request. The names of the fields are the
// names in the vendor's Protobuf messages. The zero value is ready to use.
type violations struct {
	found []violation
}

// addViolation adds a violation of a field. If this field or an enclosing field already has
// a violation, addViolation adds nothing.
func (v *violations) addViolation(field, description, constraint string) {
	for _, known := range v.found {
		rest, inside := strings.CutPrefix(field, known.Field)
		if inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	v.found = append(v.found, violation{field, description, constraint})
}

// err returns an error that lists all violations. If there are no violations, the result
// is nil.
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

// checkLength checks the number of characters of a text.
func (v *violations) checkLength(field, text string, least, most int) {
	switch n := utf8.RuneCountInString(text); {
	case n == 0 && least > 0:
		v.addViolation(field, "must not be empty", "string.min_len")
	case n < least:
		v.addViolation(field, fmt.Sprintf("must have at least %d characters", least), "string.min_len")
	case n > most:
		v.addViolation(field, fmt.Sprintf("must have at most %d characters", most), "string.max_len")
	}
}

// checkID checks the length and the prefix of an identifier. If prefix is empty, the
// identifier may have any prefix.
func (v *violations) checkID(field, id, prefix string) {
	v.checkLength(field, id, 1, maxIDLength)
	if !strings.HasPrefix(id, prefix) {
		v.addViolation(field, "must begin with "+prefix, "string.prefix")
	}
}
