package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`

// TestProfile runs the program with -profile, and with tokens that have the form of bearer-issuer. It
// requires a log record for each refusal.
func TestProfile(t *testing.T) {
	var log buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) }) // after the program
	issuer, resource := serve(t, "-profile", "scalekit")
	mint := func(scope string) string {
		now := time.Now().Unix()
		return issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"aud": []string{resource}, "scope": scope, "sub": "m2morg_1", "client_id": "m2morg_1", "oid": "org_1", "iat": now, "nbf": now})
	}
	for _, row := range []struct {
		name, token string
		want        int
	}{
		{"all scopes", mint("tools:call deploy:applications"), 200},
		{"other scope", mint("deploy:applications"), 403},
		{"no token", "", 401},
	} {
		if got, _ := post(t, resource, "", row.token, initialize); got != row.want {
			t.Errorf("%s: got status %d, want %d", row.name, got, row.want)
		}
	}
	for _, want := range []string{"reason=scope", "reason=no_token"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want one log record with %s, got\n%s", want, log.String())
		}
	}
}

// TestSeed requires that the client in the file seed.yaml has the default resource as audience, and
// the scope of the endpoint.
func TestSeed(t *testing.T) {
	seed, err := os.ReadFile("seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"audience: [http://127.0.0.1:8080/mcp]\n", "scopes: [tools:call, deploy:applications]\n"} {
		if !strings.Contains(string(seed), want) {
			t.Errorf("want a seed with %q, got\n%s", want, seed)
		}
	}
}

func TestRunProfile(t *testing.T) {
	err := run(t.Context(), []string{"-issuer", "https://acme.example", "-profile", "scalekitt"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "flag -profile") || !strings.Contains(err.Error(), "scalekit, ") {
		t.Errorf("got error %v, want an error about the flag -profile that lists the names", err)
	}
}

// buffer is a bytes.Buffer that is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write appends data.
func (b *buffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

// String returns the text.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
