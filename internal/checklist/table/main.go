// Command table runs the tests of the rules and writes docs/conformance.md. This page lists
// each rule, and the tests that cover the rule.
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
	testName = "^(TestRules|TestBoundRules|TestSecrets)$"
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
	tests, notPassed := readResults(bytes.NewReader(out))
	if err := testError(notPassed, err); err != nil {
		return err
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

// testError returns an error if a test did not pass, or if go test returned the error err.
func testError(notPassed []string, err error) error {
	if len(notPassed) > 0 {
		err = errors.Join(fmt.Errorf("tests that failed or were skipped: %s", strings.Join(notPassed, ", ")), err)
	}
	if err != nil {
		return fmt.Errorf("go test: %w", err)
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
var subtest = regexp.MustCompile(`^(Test\w+)/([A-Z]{1,2}\d\d)$`)

// readResults reads the output of go test -json. passed contains the tests that passed for
// each rule id, in the form "package TestName". notPassed contains the tests that failed or
// were skipped, in the form "package TestName/id".
func readResults(events io.Reader) (passed map[string][]string, notPassed []string) {
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
			notPassed = append(notPassed, name+"/"+m[2])
		}
	}
	return passed, notPassed
}

// families lists the headings of the page. letter is the beginning of the ids below the
// heading.
var families = []struct{ letter, title string }{
	{"B", "Bearer tokens over HTTP (RFC 6750, RFC 9110)"},
	{"J", "Signatures (RFC 7515, RFC 7797)"},
	{"W", "Keys and key sets (RFC 7517, RFC 7638)"},
	{"A", "Algorithms (RFC 7518, RFC 8037, RFC 9864)"},
	{"T", "Claims (RFC 7519)"},
	{"P", "Best practice (RFC 8725, the draft RFC 8725bis, and RFC 7800)"},
	{"R", "Access tokens (RFC 9068)"},
	{"S", "Metadata of authorization servers (RFC 8414, OpenID Connect Discovery)"},
	{"Z", "OAuth security (RFC 9700, OAuth 2.1)"},
	{"G", "gRPC"},
	{"DP", "Proofs of possession (RFC 9449)"},
	{"HT", "Target URIs of proofs (RFC 9449, RFC 3986)"},
	{"DG", "Proofs of possession over gRPC"},
}

// render returns the page. It returns an error if no test passed for a rule.
func render(rules []checklist.Rule, tests map[string][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(intro)
	var missing []string
	unsupported := 0
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
				unsupported++
			}
			if rule.Note != "" {
				status += "; " + rule.Note
			}
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` | %s |\n", rule.ID, rule.Text, rule.Source, strings.Join(slices.Compact(names), "`, `"), status)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no test passed for the rules %s", strings.Join(missing, ", "))
	}
	fmt.Fprintf(&b, "\nNumber of rules: %d. Met: %d. Not supported: %d.\n", len(rules), len(rules)-unsupported, unsupported)
	return b.Bytes(), nil
}

const intro = `# Conformance

This page lists the rules that the RFCs contain for a resource server, and the tests that
cover each rule. The text of a rule is not a quote from its RFC. If a rule differs from its
RFC, the RFC is right. The source "own" marks hardening that no RFC requires. The status "not
supported" marks a feature that this module does not support. The text after this status
describes how the module handles the feature.

This command runs the tests and writes the page:

` + "```sh" + `
go run ./internal/checklist/table
` + "```" + `

` + "`.ci/run conformance`" + ` fails if the page is out of date, if a rule has no test, or if the
test of a rule expects fewer than two different outcomes.

This command runs the test of rule J07 in package internal/conformance:

` + "```sh" + `
go test -run 'TestRules/J07' ./internal/conformance
` + "```" + `

The test sends the rows of testdata/vectors that name J07 through the verifier, the HTTP
guard and the gRPC guard. The test TestBoundRules does the same with testdata/dpop. Tests in other packages cover the rules that are not about the
token itself, such as the rules for key sets and challenges.
`
