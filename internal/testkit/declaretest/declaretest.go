// Package declaretest contains helpers for tests of invalid declarations of rules. The tests
// of this module and the tests of the router adapters use this package.
package declaretest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Panic calls the function declare. If declare panics with an error, Panic returns this error.
// If declare does not panic, Panic returns nil. The test fails if declare panics with a value
// that is not an error.
func Panic(tb testing.TB, declare func()) (err error) {
	tb.Helper()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		var ok bool
		if err, ok = p.(error); !ok {
			tb.Errorf("got a panic with a value of type %T, want an error: %v", p, p)
			err = fmt.Errorf("%v", p)
		}
	}()
	declare()
	return nil
}

var declaredAt = regexp.MustCompile(`declared at ([^)]*):(\d+)\)`)

// Lines returns the source lines to which the text "declared at file:line" in message refers,
// in the order of the message. The argument file is the name of a source file of the tested
// package. The test fails if message names a different file.
func Lines(tb testing.TB, file, message string) []string {
	tb.Helper()
	source, err := os.ReadFile(file) //nolint:gosec // the test's own file
	if err != nil {
		tb.Fatal(err)
	}
	all := strings.Split(string(source), "\n")
	var named []string
	for _, match := range declaredAt.FindAllStringSubmatch(message, -1) {
		n, err := strconv.Atoi(match[2])
		if err != nil || n > len(all) || filepath.Base(match[1]) != file {
			tb.Errorf("got %s:%s in the message, want a line of %s", match[1], match[2], file)
			continue
		}
		named = append(named, strings.TrimSpace(all[n-1]))
	}
	return named
}

// Refused calls the function declare, which must panic with an error. The text of the error
// must contain the argument "want". The error names source lines. The first of these lines must
// contain the argument "source", the last statement of a function literal.
func Refused(tb testing.TB, file, source, want string, declare func()) {
	tb.Helper()
	err := Panic(tb, declare)
	if err == nil {
		tb.Errorf("%s: got no panic, want one", source)
		return
	}
	lines := Lines(tb, file, err.Error())
	if len(lines) == 0 || !strings.Contains(lines[0], source+" }") || !strings.Contains(err.Error(), want) {
		tb.Errorf("%s: got error %v that names the lines %q, want the line of the declaration first and %q in the text", source, err, lines, want)
	}
}
