package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
)

// TestRun sends requests to the program over its listener.
func TestRun(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})
	defer issuer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0", "-issuer", issuer.URL(), "-audience", audience}, in)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	lines := bufio.NewReader(out)
	url, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	printed := make(chan string, 1)
	go func() { text, _ := io.ReadAll(lines); printed <- string(text) }()
	for _, row := range []struct {
		scope, method, uri string
		status             int
	}{
		{"read:reports", "GET", "/reports/7", 204},
		{"write:reports", "GET", "/reports/7", 403},
		{"", "GET", "/public/x", 204},
		{"", "POST", "/reports/7", 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSpace(url), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"scope": row.scope, "client_id": "ci"}))
		r.Header.Set("X-Forwarded-Method", row.method)
		r.Header.Set("X-Forwarded-Uri", row.uri)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != row.status {
			t.Errorf("%s %s with scope %q: got status %d, want status %d", row.method, row.uri, row.scope, response.StatusCode, row.status)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: got error %v, want no error", err)
	}
	const want = "- /public/ is public\n- GET /reports/ requires scope \"read:reports\"\n"
	if text := <-printed; !strings.HasPrefix(text, want) {
		t.Errorf("got output %q, want output that begins with %q", text, want)
	}
}

// TestRunDialect checks that the program reports an unknown dialect.
func TestRunDialect(t *testing.T) {
	err := run(t.Context(), []string{"-issuer", "https://acme.example", "-audience", audience, "-dialect", "apache"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "flag -dialect") || !strings.Contains(err.Error(), `"apache" is unknown`) {
		t.Errorf("got error %v, want an error about the flag -dialect", err)
	}
}

func TestRunReportsAll(t *testing.T) {
	err := run(t.Context(), nil, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "Config.Issuer") || !strings.Contains(err.Error(), "Config.Audience") {
		t.Errorf("got error %v, want an error that names Config.Issuer and Config.Audience", err)
	}
}
