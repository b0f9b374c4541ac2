package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// startProgram runs the program, waits for its banner and returns it. The
// program is stopped when the test ends, and must end well.
func startProgram(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, writer)
		writer.CloseWithError(err)
		ended <- err
	}()
	var banner strings.Builder
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		banner.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			break
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		rest, err := io.ReadAll(reader)
		if err != nil || string(rest) != "Stopped.\n" {
			t.Errorf("got %q, %v after the banner, want Stopped.", rest, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return banner.String()
}

func TestBanner(t *testing.T) {
	banner := startProgram(t, "-addr", "127.0.0.1:0")
	for _, want := range []string{"development and tests only", "http://127.0.0.1:", "skc_", "org_", "test_"} {
		if !strings.Contains(banner, want) {
			t.Errorf("%q is missing in:\n%s", want, banner)
		}
	}
}

// The commands of the banner are run as they stand, by a shell.
func TestBannerCommands(t *testing.T) {
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs ", program)
		}
	}
	var script strings.Builder
	for line := range strings.Lines(startProgram(t, "-addr", "127.0.0.1:0")) {
		if command, ok := strings.CutPrefix(line, "  "); ok {
			// Every answer on a line of its own.
			script.WriteString(strings.Replace(command, "curl ", `curl -w '\n' `, 1))
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script.String()).Output() //nolint:gosec // our own banner
	if err != nil {
		t.Fatal(err, script.String())
	}
	var answers []map[string]any
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatalf("got %q: %v", line, err)
		}
		answers = append(answers, answer)
	}
	members := []string{"plain_secret", "access_token", "keys", "issuer"}
	if len(answers) != len(members) {
		t.Fatalf("got %d answers, want %d:\n%s", len(answers), len(members), out)
	}
	for n, name := range members {
		if answers[n][name] == nil {
			t.Errorf("got %v, want one with %s", answers[n], name)
		}
	}
}

func TestURLFlag(t *testing.T) {
	banner := startProgram(t, "-addr", "localhost:0", "-url", "https://acme.example")
	if !strings.Contains(banner, "curl -sS 'https://acme.example/keys'") {
		t.Errorf("got another URL in:\n%s", banner)
	}
}

func TestRunRefuses(t *testing.T) {
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", "0.0.0.0:0"}, "not a loopback address"},
		{[]string{"-addr", ":0"}, "not a loopback address"},
		{[]string{"-addr", "[::]:0"}, "not a loopback address"},
		{[]string{"-addr", "192.0.2.1:0"}, "not a loopback address"},
		{[]string{"-addr", "127.0.0.1"}, "missing port"},
		{[]string{"-addr", taken.Addr().String()}, "listen tcp"},
		{[]string{"-addr", "127.0.0.1:0", "-url", "acme.example/"}, "Config.URL"},
		{[]string{"-unknown"}, "-unknown"},
		{[]string{"more"}, `unexpected argument "more"`},
	} {
		if err := run(t.Context(), row.args, io.Discard); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got %v, want %q", row.args, err, row.want)
		}
	}
	var usage strings.Builder
	if err := run(t.Context(), []string{"-h"}, &usage); err != nil || !strings.Contains(usage.String(), "-insecure-listen-anywhere") {
		t.Errorf("-h: got %v and\n%s", err, usage.String())
	}
}
