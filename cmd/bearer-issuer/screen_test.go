package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/internal/testkit/pty"
)

// checkLines requires lines of at most width columns, and no control characters. The lines with the
// command token are longer, because users copy each of them as one line.
func checkLines(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if columns := terminal.Columns(line); columns > width && !usesToken(line) {
			t.Errorf("got a line of %d columns, want at most %d: %q", columns, width, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("got a line with unprintable characters: %q", line)
		}
	}
}

// TestBannerFitsScreen requires that the banner has at most 80 columns. Only the lines with the secret of
// the environment are longer: they have at most 100 columns.
func TestBannerFitsScreen(t *testing.T) {
	full := banner{
		Credentials: scalekit.Credentials{
			ClientID: "skc_154407529483552092", ClientSecret: "test_secret", OrganizationID: "org_154407529483552092",
			Clients: []scalekit.ClientCredentials{{Name: "Deployer", ID: "m2morg_154407529483552092", Secret: "test_secret"}},
			First: &scalekit.ClientCredentials{
				ID: "m2morg_154407529483552092", Secret: "test_secret", Scopes: []string{"deploy:applications", "read:deployments"}, Audience: []string{"deployment-api.acmecorp.com"},
			},
			Resumed: true,
		},
		URL: "https://127.0.0.1:65535", State: "state.json", Seed: "seed.yaml", CA: "/run/bearer-issuer-1234567890/ca.pem", Exposed: true, PID: 4194304,
	}
	resumed := full
	resumed.ClientSecret, resumed.OrganizationID, resumed.Clients, resumed.First = "", "", nil, nil
	for _, b := range []banner{full, resumed} {
		var out strings.Builder
		if err := writeBanner(&out, terminal.Screen{Width: 80}, b); err != nil {
			t.Fatal(err)
		}
		checkLines(t, out.String(), 80)
	}
	checkLines(t, startProgram(t, "-tls").banner, terminal.DefaultWidth)
}

// TestBannerInTerminal requires colors in a terminal only, and only for the warning.
func TestBannerInTerminal(t *testing.T) {
	for _, noColor := range []string{"", "1"} {
		t.Setenv("NO_COLOR", noColor)
		t.Setenv("TERM", "xterm")
		tty, output := pty.Open(t, 80)
		if err := writeBanner(tty, screenOf(tty), banner{URL: "http://localhost:8790", Exposed: true}); err != nil {
			t.Fatal(err)
		}
		out := output()
		painted := regexp.MustCompile("\x1b\\[1;31m([^\x1b]*)\x1b\\[0m").ReplaceAllString(out, "$1")
		if got, want := painted != out, noColor == ""; got != want || strings.Contains(painted, "\x1b") || !strings.Contains(painted, "\nWARNING: other machines") {
			t.Errorf("NO_COLOR=%q: got %q, want a warning with a color: %v", noColor, out, want)
		}
	}
}

// TestBannerHostileSeed starts the program with a seed whose values contain sequences for terminals.
// The program may refuse the seed. Otherwise, it prints none of the sequences.
func TestBannerHostileSeed(t *testing.T) {
	const hostile = `"x\e[2J\u009b32m\u202e\r\n  echo forged"`
	for _, member := range []string{"name", "client_id", "client_secret"} {
		client := map[string]string{"name": "Deployer", member: hostile}
		seed := "organizations:\n  - display_name: Acme\n    clients:\n      - scopes: [a]\n        audience: [b]\n"
		for name, value := range client {
			seed += "        " + name + ": " + value + "\n"
		}
		file := filepath.Join(t.TempDir(), "seed.yaml")
		if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
			t.Fatal(err)
		}
		o := options{seed: file, log: "off"}
		cfg, err := o.environmentConfig(io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		cfg.URL = "http://127.0.0.1:8790"
		env, credentials, err := scalekit.New(cfg)
		if err != nil {
			t.Logf("the hostile %s is refused: %v", member, err)
			continue
		}
		var out strings.Builder
		if err := writeBanner(&out, terminal.Screen{Width: 80}, banner{Credentials: credentials, URL: cfg.URL}); err != nil {
			t.Fatal(err)
		}
		checkLines(t, out.String(), 1000)
		if err := env.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUsageFitsScreen requires lines of at most 80 columns in the text of -h.
func TestUsageFitsScreen(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	var out strings.Builder
	if err := run(t.Context(), []string{"-h"}, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	checkLines(t, strings.ReplaceAll(out.String(), "\t", "    "), 80)
}
