// Package declaretest tests what is refused where it is declared: in this module and in
// the router adapters, which are modules of their own.
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

// Panic calls declare and returns the error that it panics with, or nil if it returns. A
// panic with anything but an error fails the test.
func Panic(tb testing.TB, declare func()) (err error) {
	tb.Helper()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		var ok bool
		if err, ok = p.(error); !ok {
			tb.Errorf("got a panic with a %T, want an error: %v", p, p)
			err = fmt.Errorf("%v", p)
		}
	}()
	declare()
	return nil
}

var declaredAt = regexp.MustCompile(`declared at ([^)]*):(\d+)\)`)

// Lines returns the source lines of a file of the tested package that a message names, in
// the order of the message. A line of another file fails the test.
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
			tb.Errorf("got the line %s of %s, want one of %s", match[2], match[1], file)
			continue
		}
		named = append(named, strings.TrimSpace(all[n-1]))
	}
	return named
}

// Refused calls declare, which must panic with an error that contains want. The first
// line of the file that the error names must be that of the declaration, source.
func Refused(tb testing.TB, file, source, want string, declare func()) {
	tb.Helper()
	err := Panic(tb, declare)
	if err == nil {
		tb.Errorf("%s: got it accepted", source)
		return
	}
	lines := Lines(tb, file, err.Error())
	if len(lines) == 0 || !strings.Contains(lines[0], source+" }") || !strings.Contains(err.Error(), want) {
		tb.Errorf("%s: got %v, which names the lines %q, want %q in it", source, err, lines, want)
	}
}
