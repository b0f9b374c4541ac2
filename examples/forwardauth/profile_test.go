package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/testkit"
)

// startSeeded starts the issuer of bearer-issuer with the file seed.yaml. It returns the URL of the
// issuer and a function that gets a token of the client in the file.
func startSeeded(t *testing.T) (issuer string, token func(scope string) string) {
	t.Helper()
	seed, err := os.ReadFile("seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	issuer = "http://" + server.Listener.Addr().String()
	env, credentials, err := scalekit.New(scalekit.Config{URL: issuer, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = env.Handler()
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return issuer, func(scope string) string {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {credentials.First.ID}, "client_secret": {credentials.First.Secret}}
		if scope != "" {
			form.Set("scope", scope)
		}
		response, err := http.PostForm(issuer+"/oauth/token", form)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var granted struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(response.Body).Decode(&granted); err != nil || granted.Token == "" {
			t.Fatalf("token request: got status %s and error %v, want a token", response.Status, err)
		}
		return granted.Token
	}
}

// TestProfile runs the program with the issuer, the audience and the tokens in the comment of the
// program. It requires a log record for each refusal.
func TestProfile(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	var log testkit.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	issuer, token := startSeeded(t)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0", "-issuer", issuer, "-audience", "reports-api.acmecorp.com", "-profile", "scalekit"}, in)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	lines := bufio.NewReader(out)
	address, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	for _, row := range []struct {
		name, authorization string
		status              int
	}{
		{"all scopes", "Bearer " + token(""), 204},
		{"other scope", "Bearer " + token("write:reports"), 403},
		{"no token", "", 401},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSpace(address), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/reports/7"}}
		if row.authorization != "" {
			r.Header.Set("Authorization", row.authorization)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != row.status {
			t.Errorf("%s: got status %d, want %d", row.name, response.StatusCode, row.status)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: got error %v, want no error", err)
	}
	for _, want := range []string{"reason=scope", "reason=no_token"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want one log record with %s, got\n%s", want, log.String())
		}
	}
}

// inOwnProcess runs the test in a process of its own, and reports whether this is the process. A
// process logs a number of refusals a minute, and the other tests of this package need most of them.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const variable = "FORWARDAUTH_TEST"
	if os.Getenv(variable) == t.Name() {
		return true
	}
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.count=1", "-test.run=^"+t.Name()+"$") //nolint:gosec // this program
	test.Env = append(os.Environ(), variable+"="+t.Name())
	if out, err := test.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("got error %v, want a test that passes; output:\n%s", err, out)
	}
	return false
}

// TestRunProfile requires an error that lists the profiles for an unknown name.
func TestRunProfile(t *testing.T) {
	err := run(t.Context(), []string{"-issuer", "https://acme.example", "-audience", audience, "-profile", "scalekitt"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "flag -profile") || !strings.Contains(err.Error(), "scalekit, ") {
		t.Errorf("got error %v, want an error about the flag -profile that lists the names", err)
	}
}
