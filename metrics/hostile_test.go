package metrics_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestHostileTokens sends 10,000 requests. Every part of a request that a client controls has
// a random value. These requests must not add series, because a label value must not depend
// on values that a client sends.
func TestHostileTokens(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	c, registry := newCollector(t, nil)
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = c })
	if err := c.Watch(v); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	var table scopes.Table
	table.Handle("GET /items/{id}", scopes.All("read"))
	table.Handle("POST /items/", scopes.All("write"))
	handler := guard.Enforce(&table)(http.NotFoundHandler())

	valid := issuer.Token(map[string]any{"scope": "read"})
	send := func(n int) {
		junk := rand.Text()
		r := httptest.NewRequest([]string{"GET", "POST", "PUT", "X" + junk}[n%4], "/items/"+junk, nil)
		r.Header.Set("Authorization", hostile(issuer, valid, n, junk))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	const kinds = 11 * 4
	series := func() int { return strings.Count(exposed(t, registry), "\n") }
	for n := range kinds {
		send(n)
	}
	previous := series()
	for n := range 10_000 {
		send(n)
	}
	if after := series(); after != previous {
		t.Errorf("after 10,000 hostile requests: got %d series, want %d, which is the number after the first %d requests", after, previous, kinds)
	}
	text := exposed(t, registry)
	if n := strings.Count(text, "bearer_requests_total"); n < 10 || n > 40 {
		t.Errorf("got %d series of bearer_requests_total, want 10 to 40:\n%s", n, text)
	}
	if strings.Contains(text, "junk") {
		t.Errorf("got the value \"junk\", which only clients send, want no such value in\n%s", text)
	}
}

// hostile returns a value of the Authorization field. The argument n selects the kind of
// credentials. The credentials contain junk in every part that a client controls.
func hostile(issuer *bearertest.Issuer, valid string, n int, junk string) string {
	junk = "junk" + junk
	switch n % 11 {
	case 0:
		return junk
	case 1:
		return junk + " " + junk
	case 2:
		return "Bearer " + junk
	case 3:
		return "Bearer " + junk + "." + junk + "." + junk
	case 4:
		return "Bearer " + issuer.Mint(map[string]any{"kid": junk}, nil)
	case 5:
		return "Bearer " + issuer.Mint(map[string]any{"alg": junk}, nil)
	case 6:
		return "Bearer " + issuer.Token(map[string]any{"iss": "https://" + junk + ".example"})
	case 7:
		return "Bearer " + issuer.Token(map[string]any{"aud": junk, "sub": junk, "client_id": junk, "scope": junk})
	case 8:
		return "Bearer " + issuer.Token(map[string]any{"sub": junk, "jti": junk, "scope": "read " + junk, "roles": []string{junk}})
	case 9:
		return "Bearer " + bearertest.Tamper(valid, map[string]any{junk: junk})
	}
	return fmt.Sprintf("Bearer %s%s", valid, junk)
}
