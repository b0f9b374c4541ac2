package quote

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Print prints text as package fmt prints a string, with every verb and flag. It is for the
// methods Format of types that contain secrets. So package fmt never prints the fields of such a
// type.
func Print(s fmt.State, verb rune, text string) {
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), text)
}

// Verbatim is a text that [Struct] writes without quotes. It must contain nothing that a client
// or an issuer chose, unless the functions of this package have prepared it.
type Verbatim string

// Redacted returns a text about n secret values, such as "2 values (redacted)" for the unit "value".
// It returns "" if n is 0.
func Redacted(n int, unit string) Verbatim {
	switch n {
	case 0:
		return ""
	case 1:
		return Verbatim("1 " + unit + " (redacted)")
	}
	return Verbatim(fmt.Sprintf("%d %ss (redacted)", n, unit))
}

// Struct returns a text such as `name{Field: "value", Count: 3}`. The arguments fields are the
// names of fields, each followed by its value. Fields with a zero value are left out. Strings are
// quoted and cut. The text contains at most [MaxList] strings of a list. It contains numbers,
// durations and booleans. For a value of any other type, it contains only the type.
func Struct(name string, fields ...any) string {
	var b strings.Builder
	b.WriteString(name + "{")
	separator := ""
	for i := 0; i+1 < len(fields); i += 2 {
		if text := value(fields[i+1]); text != "" {
			fmt.Fprintf(&b, "%s%s: %s", separator, fields[i], text)
			separator = ", "
		}
	}
	return b.String() + "}"
}

// The function value returns the text of a field of Struct. It returns "" for a zero value.
func value(v any) string {
	switch v := v.(type) {
	case Verbatim:
		return string(v)
	case []string:
		return list(v)
	}
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.IsZero() {
		return ""
	}
	switch {
	case r.Kind() == reflect.String:
		return strconv.Quote(Cut(r.String()))
	case r.Kind() == reflect.Bool, r.CanInt(), r.CanUint():
		return fmt.Sprint(v) // a duration has a method String
	}
	return r.Type().String()
}

func list(names []string) string {
	switch more := len(names) - MaxList; {
	case len(names) == 0:
		return ""
	case more > 0:
		return fmt.Sprintf("[%s and %d more]", List(names[:MaxList]), more)
	}
	return "[" + List(names) + "]"
}
