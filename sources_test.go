package bearer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// Two clusters sign tokens with one "iss". The claims name the cluster, and the status has the
// state of both.
func TestSources(t *testing.T) {
	a, b := bearertest.NewIssuer(nil), bearertest.NewIssuer(nil)
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	keys := &jwks.Sources{}
	for _, issuer := range []*bearertest.Issuer{a, b} {
		cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Issuer: a.URL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cache.Close() })
		keys.Caches = append(keys.Caches, cache)
	}
	v, err := bearer.New(bearer.Config{Issuer: a.URL(), Audience: []string{"deployment-api"}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := v.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	token := func(signer *bearertest.Issuer) string {
		return signer.Token(map[string]any{"iss": a.URL(), "aud": "deployment-api"})
	}
	for n, signer := range []*bearertest.Issuer{a, b} {
		for _, cached := range []bool{false, true} {
			claims, err := v.Verify(ctx, token(signer))
			if err != nil {
				t.Fatalf("token of cluster %d, cached %v: %v", n, cached, err)
			}
			if got, want := claims.KeySource(), signer.KeysURL(); got != want {
				t.Errorf("token of cluster %d: got the key source %q, want %q", n, got, want)
			}
		}
	}
	for _, none := range []*jwks.Sources{{}, {Caches: []*jwks.Cache{nil}}} {
		if _, err := bearer.New(bearer.Config{Issuer: a.URL(), Audience: []string{"deployment-api"}, Keys: none}); err == nil || !strings.Contains(err.Error(), "Config.Keys: a jwks.Sources") {
			t.Errorf("New with %v: got the error %v, want an error about Config.Keys", none, err)
		}
	}
	status := v.Status()[0]
	if status.Keys != nil || len(status.Sources) != 2 || !status.Ready() {
		t.Errorf("got the status %+v, want two sources and ready", status)
	}
}
