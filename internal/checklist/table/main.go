// Command table writes docs/conformance.md: the list of rules, with the tests that cover
// each rule. It runs the tests and reads their results.
//
//	go run ./internal/checklist/table          writes docs/conformance.md
//	go run ./internal/checklist/table -check   fails if docs/conformance.md is out of date
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/checklist"
)

const (
	module = "github.com/bearerkit/bearer/"
	file   = "docs/conformance.md"
	// testName matches the tests that call checklist.Test.
	testName = "^(TestRules|TestSecrets)$"
)

func main() {
	check := flag.Bool("check", false, "fail if docs/conformance.md is out of date, and do not write it")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	cmd := exec.CommandContext(context.Background(), "go", "test", "-json", "-run", testName, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	tests, failed := read(bytes.NewReader(out))
	if err != nil || len(failed) > 0 {
		return fmt.Errorf("tests failed: %s: %w", strings.Join(failed, ", "), err)
	}
	table, err := render(checklist.Rules, tests)
	if err != nil {
		return err
	}
	if !check {
		return write(table)
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, table) {
		return errors.New(file + " is out of date; run: go run ./internal/checklist/table")
	}
	return nil
}

func write(table []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, table, 0o644) //nolint:gosec // a public document
}

// subtest matches the name of the subtest of a rule.
var subtest = regexp.MustCompile(`^(Test\w+)/([A-Z]\d\d)$`)

// read parses the output of go test -json. It returns the tests that passed, by rule, as
// "package TestName", and the tests that failed or were skipped.
func read(events io.Reader) (passed map[string][]string, failed []string) {
	passed = make(map[string][]string)
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &event, json.MatchCaseInsensitiveNames(true)) != nil {
			continue
		}
		m := subtest.FindStringSubmatch(event.Test)
		if m == nil {
			continue
		}
		name := strings.TrimPrefix(event.Package+" ", module)
		if name = strings.TrimSpace(name); name == strings.TrimSuffix(module, "/") {
			name = "bearer"
		}
		name += " " + m[1]
		switch event.Action {
		case "pass":
			passed[m[2]] = append(passed[m[2]], name)
		case "fail", "skip":
			failed = append(failed, name+"/"+m[2])
		}
	}
	return passed, failed
}

// families lists the headings of the page, with the first letter of the rules below each.
var families = []struct{ letter, title string }{
	{"B", "Bearer tokens over HTTP (RFC 6750, RFC 9110)"},
	{"J", "Signatures (RFC 7515, RFC 7797)"},
	{"W", "Keys and key sets (RFC 7517, RFC 7638)"},
	{"A", "Algorithms (RFC 7518, RFC 8037, RFC 9864)"},
	{"T", "Claims (RFC 7519)"},
	{"P", "Best practice (RFC 8725 and its revision, RFC 7800)"},
	{"R", "Access tokens (RFC 9068)"},
	{"S", "Metadata of authorization servers (RFC 8414, OpenID Connect Discovery)"},
	{"Z", "OAuth security (RFC 9700, OAuth 2.1)"},
	{"G", "gRPC"},
}

// render returns the page. It returns an error if a rule has no test.
func render(rules []checklist.Rule, tests map[string][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(intro)
	var missing []string
	refused := 0
	for _, family := range families {
		fmt.Fprintf(&b, "\n## %s\n\n| id | rule | source | test | status |\n|---|---|---|---|---|\n", family.title)
		for _, rule := range rules {
			if !strings.HasPrefix(rule.ID, family.letter) {
				continue
			}
			names := slices.Clone(tests[rule.ID])
			if len(names) == 0 {
				missing = append(missing, rule.ID)
			}
			slices.Sort(names)
			status := "met"
			if rule.Unsupported != "" {
				status = "not supported: " + rule.Unsupported
				refused++
			}
			if rule.Note != "" {
				status += "; " + rule.Note
			}
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` | %s |\n", rule.ID, rule.Text, rule.Source, strings.Join(slices.Compact(names), "`, `"), status)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("rules without a test: %s", strings.Join(missing, ", "))
	}
	fmt.Fprintf(&b, "\n%d rules: %d met, %d about features that are not supported.\n", len(rules), len(rules)-refused, refused)
	return b.Bytes(), nil
}

const intro = `# Conformance

This page lists the rules of the RFCs for a resource server, and the tests that cover each
rule. The rules are in our own words; if a rule differs from its RFC, the RFC is right. The
source "own" marks hardening that no RFC requires. The status "not supported" marks a
feature that this module does not support; the text after it describes how the module
handles the feature.

This command runs the tests and writes the page:

    go run ./internal/checklist/table

` + "`.ci/run conformance`" + ` fails if the page is out of date, if a rule has no test, or if the
test of a rule expects fewer than two different outcomes.

This command runs the test of rule J07 in package internal/conformance:

    go test -run 'TestRules/J07' ./internal/conformance

The test sends the rows of testdata/vectors that name J07 through the verifier, the HTTP
guard and the gRPC guard. Tests in other packages cover the rules that do not concern the
token itself, such as the rules for key sets and challenges.
`
