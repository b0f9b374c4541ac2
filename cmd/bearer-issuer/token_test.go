package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// shells returns the installed shells that must accept the function token.
func shells(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, name := range []string{"sh", "bash", "zsh"} {
		if _, err := exec.LookPath(name); err == nil {
			found = append(found, name)
		}
	}
	for _, name := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("this test needs ", name)
		}
	}
	return found
}

// runShell runs a script and returns its output on standard output and standard error.
func runShell(t *testing.T, shell, script string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), shell, "-c", script) //nolint:gosec // the commands are in the banner of the program
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: got error %v, want no error; script:\n%s\nstandard error:\n%s", shell, err, script, errs.String())
	}
	return out.String(), errs.String()
}

// startAPI starts an API with the settings of the banner, and returns its address.
func startAPI(t *testing.T, cfg bearer.Config) string {
	t.Helper()
	cfg.Profile, cfg.Logger = bearer.Scalekit, slog.New(slog.DiscardHandler)
	verifier, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestBannerToken pastes the lines with the function token into each shell, and calls an API. With
// -tls, the script first runs the commands of the banner that set variables. With a state file from
// an earlier start, the banner has no secret, so the script first registers a client.
func TestBannerToken(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	first := startProgram(t, "-state", state)
	first.stop()
	for _, args := range [][]string{nil, {"-tls"}, {"-seed", "seed.yaml"}, {"-state", state, "-new-secret"}} {
		p := startProgram(t, args...)
		cfg := bearer.Config{Issuer: p.bannerField(t, "environment URL"), Audience: []string{"deployment-api.acmecorp.com"}}
		if match := regexp.MustCompile(`export SSL_CERT_FILE='(.*)'`).FindStringSubmatch(p.banner); match != nil {
			cfg.KeyOptions = &jwks.Options{Transport: clientTrusting(t, match[1]).Transport}
		}
		api := startAPI(t, cfg)
		for _, shell := range shells(t) {
			var script strings.Builder
			for line := range strings.Lines(p.banner) {
				if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "  client ") && !strings.Contains(line, "bearer-explain") {
					script.WriteString(line)
				}
			}
			out, errs := runShell(t, shell, strings.NewReplacer("127.0.0.1:8080", api, "curl -i ", "curl -sS -i ").Replace(script.String()))
			var got []string
			for _, match := range regexp.MustCompile(`(?m)HTTP/1\.1 (\d+)`).FindAllStringSubmatch(out, -1) {
				got = append(got, match[1])
			}
			if want := []string{"200", "403"}; !slices.Equal(got, want) || errs != "" {
				t.Errorf("%v, %s: got statuses %q and standard error %q, want %q and nothing; output:\n%s", args, shell, got, errs, want, out)
			}
		}
	}
}

// TestREADME requires that the banner contains the commands with the function token in README.md.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t)
	url := p.bannerField(t, "environment URL")
	for line := range strings.Lines(firstGroup(t, string(readme), "(?s)```sh\n(curl -i .*?)```")) {
		if want := "\n  " + strings.ReplaceAll(line, "http://"+defaultAddress, url); !strings.Contains(p.banner, want) {
			t.Errorf("want a banner with %q, got\n%s", want, p.banner)
		}
	}
}

// TestTokenShowsErrors requires that the function token prints the response of the token endpoint to
// standard error if the response has no token.
func TestTokenShowsErrors(t *testing.T) {
	p := startProgram(t)
	function := firstGroup(t, p.banner, `\n  (token\(\) \{ .*; \})\n`)
	unreachable := strings.ReplaceAll(function, p.bannerField(t, "environment URL"), "http://127.0.0.1:1")
	for _, shell := range shells(t) {
		for _, row := range []struct{ script, want string }{
			{function + "\ntoken -d scope=other", `(?m)\A\{.*"error":"invalid_scope".*\}\n\z`},
			{strings.Replace(function, "client_secret=test_", "client_secret=", 1) + "\ntoken", `\A\{.*"error":"invalid_client".*\}\n\z`},
			{unreachable + "\ntoken", `\Acurl: .*\n\z`},
		} {
			out, errs := runShell(t, shell, row.script)
			if out != "" || !regexp.MustCompile(row.want).MatchString(errs) {
				t.Errorf("%s: got output %q and standard error %q, want no output and standard error that matches %s", shell, out, errs, row.want)
			}
		}
	}
}

// TestTokenFunctionQuotes passes a hostile secret through the function token of each shell. The token
// endpoint must receive the same secret.
func TestTokenFunctionQuotes(t *testing.T) {
	const secret = "~/a b'\"$(id)`id`;&%41+=é\n|"
	secrets := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { secrets <- r.PostFormValue("client_secret") }))
	defer server.Close()
	for _, shell := range shells(t) {
		runShell(t, shell, tokenFunction(server.URL, &scalekit.ClientCredentials{ID: "m2morg_1", Secret: secret})+"\ntoken")
		if got := <-secrets; got != secret {
			t.Errorf("%s: got secret %q, want %q", shell, got, secret)
		}
	}
}

// TestAPICalls checks the text for a client with one scope or without an audience.
func TestAPICalls(t *testing.T) {
	url, one := "http://localhost:8790", &scalekit.ClientCredentials{Scopes: []string{"a"}}
	if text := apiCalls(url, one); strings.Contains(text, "scope=") || strings.Contains(text, "Audience:") || !strings.Contains(text, "have no audience") {
		t.Errorf("got %s, want a text without scopes and without settings", text)
	}
	one.Audience = []string{"it's", "b"}
	if text := apiCalls(url, one); !strings.Contains(text, `Audience: []string{"it's", "b"},`) || !strings.Contains(text, `-audience 'it'\''s' -profile`) {
		t.Errorf("got %s, want a text with both audiences", text)
	}
}

// TestInitialState requires that a start without a seed keeps the client in the state file.
func TestInitialState(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	p := startProgram(t, "-state", state)
	id, secret := firstGroup(t, p.banner, `client_id=(m2morg_\S+)`), firstGroup(t, p.banner, `client_secret=(test_\S+)`)
	p.stop()
	if _, err := os.Stat(state); err != nil {
		t.Fatal(err)
	}
	p = startProgram(t, "-state", state)
	token(t, p.bannerField(t, "environment URL"), id, secret)
	if strings.Contains(p.banner, "The seed was ignored") || !strings.Contains(p.banner, "client_id=$M2M_CLIENT_ID") {
		t.Errorf("want a banner without a seed, and with the variables of the registered client, got\n%s", p.banner)
	}
}
