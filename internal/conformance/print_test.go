package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/testkit"
)

// TestPrintedTypes prints a value of every exported type of every published package, in every
// way of package fmt, of encoding/json and of the handlers of log/slog. All strings in the value
// are different secrets. For each type, the table printedTypes lists the fields whose values
// may be printed. A new exported type without a row fails the test.
func TestPrintedTypes(t *testing.T) {
	exported := exportedTypes(t)
	for name, kind := range exported {
		row, ok := printedTypes[name]
		switch {
		case kind == "interface" && !ok:
			continue // a value always has another type
		case !ok:
			t.Errorf("%s: got no row in printedTypes, want one; list the fields that may be printed", name)
			continue
		case row.testedIn != "":
			if source, err := os.ReadFile(filepath.Join("..", "..", row.testedIn)); err != nil || !bytes.Contains(source, []byte("func TestPrint")) {
				t.Errorf("%s: got no test in %s, want one: %v", name, row.testedIn, err)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := &secretFiller{}
			value := row.value(t, s)
			if got := strings.TrimLeft(reflect.TypeOf(value).String(), "*"); got != name {
				t.Fatalf("got a value of type %s, want %s", got, name)
			}
			shown := s.found(printAll(value))
			if !slices.Equal(shown, sorted(row.shown)) {
				t.Errorf("got the values of %q in the printed forms, want only %q", shown, sorted(row.shown))
			}
			want := slices.Concat(row.shown, row.reachable)
			if got := s.found(printUnexported(value, validForPointers)); !isSubset(got, want) || !isSubset(row.reachable, got) {
				t.Errorf("in an unexported field: got the values of %q, want only %q", got, sorted(want))
			}
			want = append(want, row.misused...)
			if testkit.RaceEnabled {
				// With a wrong verb, package fmt reads fields of a value in use without their lock.
			} else if got := s.found(printUnexported(value, printFormats)); !isSubset(got, want) || !isSubset(row.misused, got) {
				t.Errorf("in an unexported field, with a wrong verb: got the values of %q, want only %q", got, sorted(want))
			}
			if row.text != "" {
				if got := fmt.Sprintf("%+v", value); !strings.HasPrefix(got, row.text) {
					t.Errorf("got the text %q, want %q", got, row.text)
				}
			}
		})
	}
	for name := range printedTypes {
		if exported[name] == "" {
			t.Errorf("%s: got a row in printedTypes for a type that is not exported, want none", name)
		}
	}
}

// exportedTypes returns the kind of each exported type in testdata/api. TestAPI in the root
// tests that these files are complete.
func exportedTypes(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/api/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	declaration := regexp.MustCompile(`(?m)^type ([A-Z]\w*)(?:\[[^]]*\])? (?:= )?(\w+|\[\]|.)`)
	for _, file := range files {
		api, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimSuffix(filepath.Base(file), ".txt")
		pkg = pkg[strings.LastIndexByte(pkg, '.')+1:]
		for _, match := range declaration.FindAllStringSubmatch(string(api), -1) {
			types[pkg+"."+match[1]] = match[2]
		}
	}
	if len(types) < 50 {
		t.Fatalf("got %d exported types, want at least 50", len(types))
	}
	return types
}

// placements returns v, a pointer to v, and values that contain v in different ways. All ways
// have in common that package fmt can call the methods of v.
func placements(v any) []any {
	value := reflect.ValueOf(v)
	typ := value.Type()
	pointer := reflect.New(typ)
	pointer.Elem().Set(value)
	list := reflect.MakeSlice(reflect.SliceOf(typ), 1, 1)
	list.Index(0).Set(value)
	byName := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), typ))
	byName.SetMapIndex(reflect.ValueOf("name"), value)
	field := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Field", Type: typ}, {Name: "Any", Type: reflect.TypeFor[any]()}})).Elem()
	field.Field(0).Set(value)
	field.Field(1).Set(value)
	all := []any{v, list.Interface(), byName.Interface(), field.Interface(), field.Addr().Interface(), []any{v}, map[string]any{"name": v}}
	if typ.Kind() != reflect.Pointer {
		return append(all, pointer.Interface(), reflect.Zero(pointer.Type()).Interface())
	}
	all = append(all, reflect.Zero(typ).Interface())
	if canBeCopied(typ.Elem()) {
		all = append(all, value.Elem().Interface())
	}
	if err, ok := v.(error); ok {
		all = append(all, fmt.Errorf("wrapped: %w", err), errors.Join(err, err))
	}
	return all
}

// pointerField returns a struct with a pointer to v, for the verb %v only. For a verb that is not
// valid for a pointer, such as %s, package fmt prints what the pointer points to, and calls no
// methods for it or for its parts; go vet refuses such a verb.
func pointerField(v any) any {
	pointer := reflect.New(reflect.TypeOf(v))
	pointer.Elem().Set(reflect.ValueOf(v))
	return &struct{ Pointer any }{pointer.Interface()}
}

// printUnexported prints structs with v and, if v is a pointer to a struct, with a copy of this
// struct. The fields of the structs are not exported, so package fmt prints v without its methods.
func printUnexported(v any, formats []string) string {
	type holder struct{ value any }
	holders := []any{&holder{v}, holder{v}, []holder{{v}}}
	if value := reflect.ValueOf(v); value.Kind() == reflect.Pointer && canBeCopied(value.Type().Elem()) {
		holders = append(holders, holder{value.Elem().Interface()})
	}
	var b strings.Builder
	for _, h := range holders {
		for _, format := range formats {
			fmt.Fprintln(&b, fmt.Sprintf(format, h))
		}
		b.WriteString(logged(h))
	}
	return b.String()
}

// canBeCopied reports whether a value of the type contains no lock and no atomic value.
func canBeCopied(typ reflect.Type) bool {
	switch pkg := typ.PkgPath(); {
	case pkg == "sync", pkg == "sync/atomic":
		return false
	case typ.Kind() == reflect.Array:
		return canBeCopied(typ.Elem())
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			if !canBeCopied(typ.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// printFormats has the verbs of package fmt with the flags that change more than the width, and some
// formats with a width. The verb %T
// prints only the type. The verbs %p and %w are for pointers and for errors; for other values, go
// vet refuses them, and package fmt calls no methods.
var printFormats = func() (formats []string) {
	for _, verb := range "vsqxXdbcoOUeEfFgGt" {
		for _, flag := range []string{"", "+", "#", " "} {
			formats = append(formats, "%"+flag+string(verb))
		}
	}
	return append(formats, "%200v", "%-200v", "%.500v", "%200s", "%#200x")
}()

// validForPointers has formats that are valid for pointers, which go vet does not refuse.
var validForPointers = []string{"%v", "%+v", "%#v", "%d", "%x", "%X", "%b", "%o"}

// printAll returns everything that the printers write about the placements of v.
func printAll(v any) string {
	seen := map[string]bool{}
	for _, placed := range placements(v) {
		for _, format := range printFormats {
			seen[fmt.Sprintf(format, placed)] = true
		}
		seen[fmt.Sprint(placed)] = true
		seen[fmt.Sprintln(placed)] = true
		seen[fmt.Errorf("%v", placed).Error()] = true
		if out, err := json.Marshal(placed); err == nil {
			seen[string(out)] = true
		}
		if out, err := jsonv2.Marshal(placed); err == nil {
			seen[string(out)] = true
		}
		seen[logged(placed)] = true
	}
	for _, format := range validForPointers {
		seen[fmt.Sprintf(format, pointerField(v))] = true
	}
	seen[logged(pointerField(v))] = true
	return strings.Join(slices.Sorted(maps.Keys(seen)), "\n")
}

// logged returns the records that the handlers of log/slog write about v.
func logged(v any) string {
	var out bytes.Buffer
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, opts), slog.NewJSONHandler(&out, opts)} {
		logger := slog.New(handler)
		logger.Info("message", "value", v, slog.Group("group", "value", v))
		logger.With("value", v).WithGroup("group").Info("message", "value", v)
	}
	return out.String()
}

// secretFiller makes secrets and remembers the field of each secret.
type secretFiller struct{ fields []string }

// secretStart is the beginning of all secrets.
const secretStart = "SECRETqZ7jKx"

// secret returns the secret with this number. The number is in the middle, because hasForm ignores
// the first and the last bytes in base64.
func secret(number int) string { return fmt.Sprintf("%s%04dWvUtSr", secretStart, number) }

// The method text returns a new secret for the field.
func (s *secretFiller) text(field string) string {
	s.fields = append(s.fields, field)
	return secret(len(s.fields))
}

// found returns the fields whose secrets the text contains in any form, sorted.
func (s *secretFiller) found(text string) []string {
	if !hasForm(text, secretStart) {
		return nil
	}
	var fields []string
	for i, field := range s.fields {
		if hasForm(text, secret(i+1)) {
			fields = append(fields, field)
		}
	}
	return sorted(fields)
}

// hasForm reports whether text contains secret, in plain text or in a form that one of the
// printers writes: base64, hexadecimal, or a list of bytes.
func hasForm(text, wanted string) bool {
	forms, ok := knownForms.Load(wanted)
	if !ok {
		forms, _ = knownForms.LoadOrStore(wanted, formsOf(wanted))
	}
	list, _ := forms.([]string)
	return slices.ContainsFunc(list, func(form string) bool { return strings.Contains(text, form) })
}

// knownForms has the results of formsOf, by the argument.
var knownForms sync.Map

func formsOf(text string) []string {
	forms := map[string]bool{text: true}
	for _, format := range printFormats {
		for _, value := range []any{text, []byte(text)} {
			form := fmt.Sprintf(format, value)
			form = form[strings.Index(form, "byte{")+1:]
			forms[strings.Trim(strings.TrimPrefix(form, "yte{"), `[] "{}`)] = true
		}
	}
	for shift := range 3 { // in base64, the text depends on the position of the secret modulo 3
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			coded := encoding.EncodeToString([]byte(strings.Repeat(" ", shift) + text))
			forms[coded[4:len(coded)-4]] = true
		}
	}
	delete(forms, "")
	return slices.Collect(maps.Keys(forms))
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

func isSubset(names, of []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(of, name) })
}

// TestPrintedForms tests the search for secrets in the other tests: it must find each form.
func TestPrintedForms(t *testing.T) {
	type inside struct{ b any }
	secret := secret(1)
	for _, value := range []any{secret, []byte(secret), []string{secret}, map[string]string{"a": secret}, inside{[]byte(secret)}, &inside{secret}} {
		for _, format := range printFormats {
			text := fmt.Sprintf(format, value)
			if !hasForm(text, secret) {
				t.Errorf("%s: got no secret in %q, want one", format, text)
			}
		}
	}
	encoded, err := json.Marshal(map[string]any{"a": []byte("x" + secret + "y")})
	if err != nil || !hasForm(string(encoded), secret) {
		t.Errorf("got no secret in %s, %v, want one", encoded, err)
	}
	if hasForm("the text "+secretStart, secret) {
		t.Error("got a secret in a text without one")
	}
}
