// Command dpop writes testdata/dpop/vectors.json in the root of the repository. The file has requests
// with tokens that are bound to a key of the client (RFC 9449), and the wanted verdicts. The program
// makes new keys each time, and does not keep the private keys.
//
//	go -C internal/vectors run ./cmd/dpop
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

func main() {
	if err := run(filepath.Join("..", "..", "testdata", "dpop", "vectors.json")); err != nil {
		fmt.Fprintln(os.Stderr, "dpop:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	m, err := newMaker()
	if err != nil {
		return err
	}
	var all []Vector
	seen := map[string]bool{}
	for _, c := range cases() {
		v, err := m.vector(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if seen[v.Name] {
			return fmt.Errorf("%s: two vectors have this name", c.name)
		}
		seen[v.Name] = true
		all = append(all, v)
	}
	text := fmt.Appendf(nil, "{\"keys\":%s,\n\"vectors\":[\n", m.jwks())
	for i, v := range all {
		line, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return err
		}
		if i > 0 {
			text = append(text, ",\n"...)
		}
		text = append(text, line...)
	}
	text = append(text, "\n]}\n"...)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// cases returns all cases.
func cases() []testCase {
	var all []testCase
	for _, rows := range [][]testCase{fieldRows(), headerRows(), keyRows(), claimRows(), timeRows(), tokenRows(), sequenceRows(), nonceRows(), targetRows(), grpcRows()} {
		all = append(all, rows...)
	}
	return all
}
