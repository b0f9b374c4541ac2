package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

const audience = "deployment-api"

// newIssuer returns an issuer without a listener: its tokens are all that most
// tests need.
func newIssuer(tb testing.TB, algorithms ...string) *bearertest.Issuer {
	tb.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{
		Issuer: "https://issuer.example", Audience: []string{audience}, Algorithms: algorithms,
	})
	tb.Cleanup(issuer.Close)
	return issuer
}

// newVerifier returns a verifier that knows the keys which issuer publishes now.
func newVerifier(tb testing.TB, issuer *bearertest.Issuer, change func(*bearer.Config)) *bearer.JWTVerifier {
	tb.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		tb.Fatal(err)
	}
	cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return v
}

// oneAndSeveral returns both verifiers that there are of an issuer: its own, and
// Issuers that have it.
func oneAndSeveral(t *testing.T, cfg bearer.Config) map[string]bearer.Verifier {
	t.Helper()
	one, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	several := new(bearer.Issuers)
	if err := several.Add(cfg); err != nil {
		t.Fatal(err)
	}
	return map[string]bearer.Verifier{"one": one, "several": several}
}

// reasonOf returns the reason of an error, or "" for none.
func reasonOf(t *testing.T, err error) bearer.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		t.Fatalf("got an error of type %T, want *bearer.Error: %v", err, err)
	}
	return e.Reason
}

// raw is JSON as it is, for claims that no Go value encodes to.
func raw(s string) json.RawMessage { return json.RawMessage(s) }

// recorder is an Observer that keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	events []bearer.Event
}

func (r *recorder) Observe(_ context.Context, e bearer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) take() []bearer.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}
