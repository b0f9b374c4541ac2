// Command vectors writes testdata/vectors: the hostile and the honest tokens that
// the module is held against. What it writes depends on the keys in testdata/keys
// only; every signature is made without randomness.
//
//	go run ./cmd/vectors            writes ../../testdata/vectors
//	go run ./cmd/vectors -newkeys   makes the keys that are missing first
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/conformance"
)

func main() {
	root := flag.String("root", "../..", "the root of the tree")
	newKeys := flag.Bool("newkeys", false, "make the keys that are missing")
	flag.Parse()
	if err := run(*root, *newKeys); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, newKeys bool) error {
	keys, err := loadKeys(filepath.Join(root, "testdata", "keys"), newKeys)
	if err != nil {
		return err
	}
	files, err := generate(keys)
	if err != nil {
		return err
	}
	for name, data := range files {
		file := filepath.Join(root, "testdata", "vectors", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the contents of all files by name.
func generate(keys keyRing) (files map[string][]byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("vectors: %v", p)
		}
	}()
	files = make(map[string][]byte)
	verifiers, err := json.Marshal(verifiers(keys), json.Deterministic(true), jsontext.WithIndent("\t"))
	if err != nil {
		return nil, err
	}
	files["verifiers.json"] = append(verifiers, '\n')
	for name, class := range map[string]func(*rows){
		"algorithm": algorithmRows, "key": keyRows, "signature": signatureRows, "form": formRows,
		"header": headerRows, "json": jsonRows, "time": timeRows, "claims": claimRows, "scope": scopeRows,
		"credentials": credentialRows,
	} {
		r := &rows{keys: keys, class: name}
		class(r)
		if files["rows/"+name+".json"], err = r.encode(); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// rows collects the rows of one class.
type rows struct {
	keys  keyRing
	class string
	list  []*conformance.Vector
}

// encode writes one row on one line, so that differences can be read.
func (r *rows) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, row := range r.list {
		line, err := json.Marshal(row, jsontext.EscapeForJS(true))
		if err != nil {
			return nil, err
		}
		b.Write(line)
		if i < len(r.list)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes(), nil
}

// change is what a row has besides a token and a verdict.
type change func(*conformance.Vector)

// with names the verifier of a row.
func with(verifier string) change {
	return func(v *conformance.Vector) { v.Verifier = verifier }
}

// add puts a row in, with the status and the code that its reason stands for.
func (r *rows) add(reason, rules, source, name, token string, changes ...change) *conformance.Vector {
	v := &conformance.Vector{Name: r.class + "/" + name, Rules: fields(rules), Source: source, Token: chars(token)}
	v.Reason = reasonOf(reason)
	for _, c := range changes {
		c(v)
	}
	v.HTTP, v.GRPC = statusOf(string(v.Reason))
	r.list = append(r.list, v)
	return v
}

// ok adds a token that must be accepted.
func (r *rows) ok(rules, source, name, token string, changes ...change) {
	r.add("", rules, source, name, token, changes...)
}

// request adds a token that the guards do not take for one, and says what the
// verifier would make of it.
func (r *rows) request(rules, source, name, token string) {
	r.add("request", rules, source, name, token, func(v *conformance.Vector) { v.Verify = "malformed" })
}

// statusOf is RFC 6750, section 3.1, written once more: the table of the guards is
// not asked for what it should say.
func statusOf(reason string) (int, string) {
	switch reason {
	case "":
		return 200, "OK"
	case "request":
		return 400, "Unauthenticated"
	case "scope":
		return 403, "PermissionDenied"
	}
	return 401, "Unauthenticated"
}

// chars writes each byte as one character.
func chars(s string) string {
	runes := make([]rune, 0, len(s))
	for _, c := range []byte(s) {
		runes = append(runes, rune(c))
	}
	return string(runes)
}

func fields(s string) []string {
	var list []string
	for f := range bytes.FieldsSeq([]byte(s)) {
		list = append(list, string(f))
	}
	slices.Sort(list)
	return list
}
