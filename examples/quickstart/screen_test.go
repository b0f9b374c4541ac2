package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/internal/testkit/pty"
)

// colors matches the sequences of the colors.
var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkLines requires lines of at most width columns, without trailing spaces and without control
// characters.
func checkLines(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if columns := terminal.Columns(line); columns > width || strings.TrimRight(line, " ") != line {
			t.Errorf("got a line of %d columns, want at most %d and no trailing spaces: %q", columns, width, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("got a line with unprintable characters: %q", line)
		}
	}
}

// TestFitsScreen runs the program in terminals of several widths, and with a pipe. Each row
// contains its result once.
func TestFitsScreen(t *testing.T) {
	for _, env := range []map[string]string{{"TERM": "xterm"}, {"NO_COLOR": "1"}} {
		for _, columns := range []int{40, 80, 100, 160} {
			tty, output := pty.Open(t, columns)
			q := quickstart{env: func(name string) string { return env[name] }, stdout: tty, stderr: io.Discard, newVerifier: newVerifier}
			err := q.run(t.Context(), nil)
			out := output()
			if err != nil {
				t.Errorf("got error %v, want no error", err)
			}
			if got, want := colors.MatchString(out), env["NO_COLOR"] == ""; got != want {
				t.Errorf("%v: got colors %v, want %v", env, got, want)
			}
			out = colors.ReplaceAllString(out, "")
			checkLines(t, out, columns)
			if got := strings.Count(out, "401 Unauthorized"); columns > 40 && got != 8 {
				t.Errorf("%d columns: got %d times the result of 8 calls, want 8:\n%s", columns, got, out)
			}
		}
	}
	for columns, env := range map[int]map[string]string{terminal.DefaultWidth: nil, 60: {"COLUMNS": "60"}} {
		out, err := runWith(t, env, nil)
		if err != nil || colors.MatchString(out) {
			t.Errorf("pipe: got error %v and output %q, want no error and no colors", err, out)
		}
		checkLines(t, out, columns)
	}
}

// TestServeFitsScreen requires that the text of -serve has at most 80 columns. Only the line with the
// secret of the client is longer, because a command is one line that the reader copies.
func TestServeFitsScreen(t *testing.T) {
	_, text, found := strings.Cut(startServing(t, map[string]string{"COLUMNS": "80"}), "calls as expected\n")
	if !found {
		t.Fatal("want the text of -serve after the table")
	}
	secret := firstGroup(t, text, `client_secret=(\S+)`)
	checkLines(t, text, terminal.DefaultWidth)
	checkLines(t, strings.ReplaceAll(text, secret, "secret"), 80)
}

// TestHostileToken runs the program with an issuer whose tokens and responses contain sequences for
// terminals. The program prints none of them.
func TestHostileToken(t *testing.T) {
	const hostile = "\x1b[2J\u009b32m\u202e\r\nok  forged"
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{defaultAudience}})
	t.Cleanup(issuer.Close)
	for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
		front := httptest.NewUnstartedServer(nil)
		url := "http://" + front.Listener.Addr().String()
		front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/oauth/token":
				w.WriteHeader(status)
				token := issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{
					"iss": url, "client_id": hostile, "scopes": []string{"deploy:applications", "read:deployments"},
					"custom_claims": map[string]any{"github_repository": hostile, "environment": hostile},
				})
				answer := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": hostile}
				if status != http.StatusOK {
					answer = map[string]any{"error": "invalid_client", "error_description": hostile}
				}
				_ = json.NewEncoder(w).Encode(answer)
			case "/keys":
				_, _ = w.Write(issuer.JWKS())
			default:
				_ = json.NewEncoder(w).Encode(map[string]any{"issuer": url, "jwks_uri": url + "/keys"})
			}
		})
		front.Start()
		t.Cleanup(front.Close)
		out, err := runWith(t, map[string]string{"SCALEKIT_ENVIRONMENT_URL": url, "M2M_CLIENT_ID": "m2morg_1", "M2M_CLIENT_SECRET": "secret"}, nil)
		if ran := strings.Contains(out, "calls as expected"); ran != (status == http.StatusOK) {
			t.Errorf("status %s: got output %q and error %v", strconv.Itoa(status), out, err)
		}
		checkLines(t, out, terminal.DefaultWidth)
		if strings.Contains(out, "\nok  forged") {
			t.Errorf("want no line that the issuer chose, got\n%s", out)
		}
	}
}
