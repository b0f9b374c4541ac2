package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPrints checks the flags -h and -version. Their output is on standard output. The program
// does not start.
func TestPrints(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string // regular expression
	}{
		{[]string{"-h"}, `(?s)^A local Scalekit environment\. It is for development and tests only\.\n\nusage: bearer-issuer \[flags\]\n.*-insecure-listen-anywhere`},
		{[]string{"-tls", "--help"}, `usage: bearer-issuer`},
		{[]string{"-version"}, `^bearer-issuer (\(devel\)|v\d\S*), .*go1\.\S+.*\n$`},
		{[]string{"-version", "-log", "xml"}, `^bearer-issuer `},
	} {
		var out, errs strings.Builder
		if err := run(t.Context(), row.args, nil, &out, &errs); err != nil || errs.String() != "" || !regexp.MustCompile(row.want).MatchString(out.String()) {
			t.Errorf("%q: got error %v, standard error %q and output %q, want no error and output that matches %q", row.args, err, errs.String(), out.String(), row.want)
		}
	}
}

// TestWrongFlag requires a short error for a wrong flag. The list of all flags can hide the error.
func TestWrongFlag(t *testing.T) {
	for _, args := range [][]string{{"-unknown"}, {"-tls=perhaps"}, {"-addr"}} {
		var out strings.Builder
		err := run(t.Context(), args, nil, &out, io.Discard)
		if err == nil || !strings.HasSuffix(err.Error(), "; bearer-issuer -h lists the flags") || strings.Contains(err.Error(), "\n") || out.String() != "" {
			t.Errorf("%q: got error %v and output %q, want one line with the command for help, and no output", args, err, out.String())
		}
	}
}

// TestSeedInUsage starts the program with the example of a seed that -h prints. Users of the
// installed program copy this example.
func TestSeedInUsage(t *testing.T) {
	var usage strings.Builder
	if err := run(t.Context(), []string{"-h"}, nil, &usage, io.Discard); err != nil {
		t.Fatal(err)
	}
	_, seed, found := strings.Cut(usage.String(), "for -seed:\n\n")
	if !found {
		t.Fatalf("want an example for -seed, got\n%s", usage.String())
	}
	file := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "-seed", file)
	id, secret := firstGroup(t, seed, `client_id: (\S+)`), firstGroup(t, seed, `client_secret: (\S+)`)
	token(t, p.bannerField(t, "environment URL"), id, secret)
}

// firstGroup returns the text that the first group of the pattern matches.
func firstGroup(t *testing.T, text, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("want a match of %s in\n%s", pattern, text)
	}
	return match[1]
}
