package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
)

// TestLeeway tests that the SDK, which checks the expiry itself, refuses no call that the guard
// allows because of Config.Leeway.
func TestLeeway(t *testing.T) {
	const resource = "https://mcp.example/mcp"
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{resource}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{resource}, Keys: keys, Leeway: 2 * time.Minute, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(v, &middleware.Options{Resource: resource})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		ago  time.Duration
		want int
	}{{-time.Minute, http.StatusOK}, {time.Minute, http.StatusOK}, {3 * time.Minute, http.StatusUnauthorized}} {
		token := issuer.Token(map[string]any{"scope": "tools:call", "exp": time.Now().Add(-row.ago)})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, resource, strings.NewReader(
			`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		w := httptest.NewRecorder()
		newHandler(guard).ServeHTTP(w, r)
		if w.Code != row.want {
			t.Errorf("exp %v ago: got status %d, want %d; body: %s", row.ago, w.Code, row.want, w.Body)
		}
	}
}
