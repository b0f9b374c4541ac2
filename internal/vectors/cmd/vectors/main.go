// Command vectors writes testdata/vectors. This folder contains valid and hostile tokens,
// each with the verdict that bearer must return. The output depends only on the keys in
// testdata/keys, because the command signs without randomness.
//
//	go run ./cmd/vectors            writes ../../testdata/vectors
//	go run ./cmd/vectors -newkeys   first creates missing keys in ../../testdata/keys
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

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
)

func main() {
	root := flag.String("root", "../..", "the root of the repository")
	newKeys := flag.Bool("newkeys", false, "create missing keys in testdata/keys first")
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

// generate returns the contents of all files. The keys of the map are the names of the
// files.
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
		"algorithm":   algorithmRows,
		"claims":      claimRows,
		"challenge":   alternativeRows,
		"credentials": credentialRows,
		"entra":       entraRows,
		"form":        formRows,
		"header":      headerRows,
		"json":        jsonRows,
		"key":         keyRows,
		"profile":     profileRows,
		"role":        roleRows,
		"scope":       scopeRows,
		"signature":   signatureRows,
		"spiffe":      spiffeRows,
		"tenant":      tenantRows,
		"time":        timeRows,
		"unverified":  unverifiedRows,
		"wildcard":    wildcardRows,
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

// encode writes each row on one line, so that a diff shows the changed rows.
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

// option sets additional fields of a row.
type option func(*conformance.Vector)

// withVerifier sets the verifier of a row.
func withVerifier(verifier string) option {
	return func(v *conformance.Vector) { v.Verifier = verifier }
}

// unverified is the reason that a client learns if the signature of its token was not verified.
const unverified = "invalid_token"

// notVerified sets the reason that the client learns, for a row with a token whose claims or
// type do not fit and whose signature is not valid or not checked.
func notVerified(v *conformance.Vector) { v.Told = unverified }

// add adds a row. The reason of the row determines the HTTP status and the gRPC code.
func (r *rows) add(reason, rules, source, name, token string, options ...option) *conformance.Vector {
	v := &conformance.Vector{Name: r.class + "/" + name, Rules: fields(rules), Source: source, Token: chars(token)}
	v.Reason = bearer.Reason(reason)
	for _, set := range options {
		set(v)
	}
	v.HTTP, v.GRPC = statusOf(string(v.Reason))
	switch v.Reason { //nolint:exhaustive // the client learns all other reasons, unless an option of the row says otherwise
	case bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey, bearer.BadSignature:
		v.Told = unverified
	}
	r.list = append(r.list, v)
	return v
}

// accepted adds a row with a token that must be accepted.
func (r *rows) accepted(rules, source, name, token string, options ...option) {
	r.add("", rules, source, name, token, options...)
}

// badRequest adds a row with a text that the guards refuse as a malformed request. The
// guards do not pass the text to a verifier. A verifier refuses the text as a malformed
// token.
func (r *rows) badRequest(rules, source, name, token string) {
	r.add("request", rules, source, name, token, func(v *conformance.Vector) { v.Verify = "malformed" })
}

// statusOf returns the HTTP status and the gRPC code of a reason (RFC 6750, section 3.1). It
// does not use the table of the guards, because the vectors test this table.
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

// chars converts each byte of s to the character with the same number, because a JSON string
// cannot contain arbitrary bytes.
func chars(s string) string {
	runes := make([]rune, 0, len(s))
	for _, c := range []byte(s) {
		runes = append(runes, rune(c))
	}
	return string(runes)
}

// fields returns the sorted words of s.
func fields(s string) []string {
	var list []string
	for f := range bytes.FieldsSeq([]byte(s)) {
		list = append(list, string(f))
	}
	slices.Sort(list)
	return list
}
