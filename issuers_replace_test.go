package bearer_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// TestReplaceWithoutGap replaces an issuer's configuration many times while requests with
// valid tokens arrive. No request may be refused. The last configuration must apply to all
// later requests, even to requests with a token that was cached with the old configuration.
func TestReplaceWithoutGap(t *testing.T) {
	const replacements, requests = 200, 1000
	issuer := newIssuer(t, "EdDSA")
	config := func(audiences ...string) bearer.Config {
		return bearer.Config{
			Issuer: issuer.URL(), Audience: audiences, Keys: newLiveKeys(t, issuer), Logger: slog.New(slog.DiscardHandler),
		}
	}
	issuers := new(bearer.Issuers)
	defer issuers.Close()
	if err := issuers.Add(config(audience)); err != nil {
		t.Fatal(err)
	}
	var verified, refused atomic.Int64
	ended := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			repeated := issuer.Token(nil)
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				token := repeated
				if i%8 == 0 {
					token = issuer.Token(nil)
				}
				if _, err := issuers.Verify(t.Context(), token); err != nil {
					refused.Add(1)
				}
				verified.Add(1)
			}
		})
	}
	for n := 0; n < replacements || verified.Load() < requests; n++ {
		if err := issuers.Replace(config(audience, "other")); err != nil {
			t.Fatal(err)
		}
	}
	close(ended)
	clients.Wait()
	if refused.Load() > 0 {
		t.Errorf("got %d refusals of %d valid tokens, want none", refused.Load(), verified.Load())
	}
	token := issuer.Token(nil)
	if _, err := issuers.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	if err := issuers.Replace(config("other")); err != nil {
		t.Fatal(err)
	}
	if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongAudience {
		t.Errorf("cached token with the new configuration: got error %v, want reason %q", err, bearer.WrongAudience)
	}
	if got := issuers.Status(); len(got) != 1 || got[0].Cache.Entries != 0 {
		t.Errorf("got status %+v, want one issuer without cached tokens", got)
	}
}

// TestReplaceKeepsDiscoveredKeys tests that Replace keeps discovered keys. The new
// configuration must not fetch keys, and must work while the issuer is down.
func TestReplaceKeepsDiscoveredKeys(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Logger: slog.New(slog.DiscardHandler)}
	issuers := new(bearer.Issuers)
	defer issuers.Close()
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	token := issuer.Token(nil)
	if _, err := issuers.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	fetches := issuer.Fetches(bearertest.KeysEndpoint)
	for _, endpoint := range []bearertest.Endpoint{bearertest.KeysEndpoint, bearertest.DiscoveryEndpoint} {
		issuer.Inject(endpoint, bearertest.Fault{Status: 500})
	}
	cfg.Required = []string{"client_id"}
	for range 3 {
		if err := issuers.Replace(cfg); err != nil {
			t.Fatal(err)
		}
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Errorf("got error %v, want none, because the keys were fetched before", err)
		}
	}
	// A call of Replace that returns an error changes nothing.
	bad := cfg
	bad.MaxAge = -1
	if err := issuers.Replace(bad); err == nil {
		t.Error("negative MaxAge: got no error, want one")
	}
	if _, err := issuers.Verify(t.Context(), token); err != nil {
		t.Errorf("after a failed Replace: got error %v, want none", err)
	}
	if got := issuer.Fetches(bearertest.KeysEndpoint); got != fetches {
		t.Errorf("got %d fetches of keys, want %d, as before", got, fetches)
	}
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
	if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongIssuer {
		t.Errorf("after Close: got error %v, want reason %q", err, bearer.WrongIssuer)
	}
}

// TestReplaceWhileWaiting replaces a configuration while requests wait for a rotated key, and
// then closes the key cache of the old configuration. The new configuration must apply to the
// waiting requests.
func TestReplaceWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		issuers := new(bearer.Issuers)
		defer issuers.Close()
		cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)}
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
		if _, err := issuers.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		issuer.Rotate()
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true})
		token, results := issuer.Token(nil), make(chan error, 20)
		for range cap(results) {
			go func() {
				_, err := issuers.Verify(t.Context(), token)
				results <- err
			}()
		}
		synctest.Wait()
		cfg.Keys = newLiveKeys(t, issuer)
		if err := issuers.Replace(cfg); err != nil {
			t.Fatal(err)
		}
		if err := keys.Close(); err != nil { // If Replace replaces discovered keys with Config.Keys, Replace itself makes this call.
			t.Fatal(err)
		}
		for range cap(results) {
			if err := <-results; err != nil {
				t.Errorf("got error %v, want none, because the new configuration accepts the token", err)
			}
		}
	})
}

// TestDiscoveredKeysStop tests that the refresh of discovered keys stops when no verifier
// uses the keys any more.
func TestDiscoveredKeysStop(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Logger: slog.New(slog.DiscardHandler)}
	given := cfg
	given.Keys = keys
	bad := cfg
	bad.Issuer = "no URL"
	before := jwksGoroutines(t)
	for name, stopRefresh := range map[string]func(*bearer.Issuers) error{
		"Remove":                   func(s *bearer.Issuers) error { s.Remove(issuer.URL()); return nil },
		"Replace with Config.Keys": func(s *bearer.Issuers) error { return s.Replace(given) },
		"two calls of Replace":     func(s *bearer.Issuers) error { return errors.Join(s.Replace(cfg), s.Replace(given)) },
		"Close":                    func(s *bearer.Issuers) error { return s.Close() },
		"Add that returns an error": func(s *bearer.Issuers) error {
			s.Remove(issuer.URL())
			if s.Add(cfg, bad) == nil {
				return errors.New("Add of an invalid configuration: got no error, want one")
			}
			return nil
		},
	} {
		issuers := new(bearer.Issuers)
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
		if n := jwksGoroutines(t); n <= before {
			t.Fatalf("%s: got %d goroutines of jwks after Add, want more than %d", name, n, before)
		}
		if err := stopRefresh(issuers); err != nil {
			t.Error(err)
		}
		// The goroutine can end a short time after stopRefresh has returned.
		n := jwksGoroutines(t)
		for deadline := time.Now().Add(10 * time.Second); n != before && time.Now().Before(deadline); n = jwksGoroutines(t) {
			runtime.Gosched()
		}
		if n != before {
			t.Errorf("%s: got %d goroutines of jwks, want %d", name, n, before)
		}
		if err := issuers.Close(); err != nil {
			t.Error(err)
		}
	}
}

// jwksGoroutines counts the goroutines that package jwks started.
func jwksGoroutines(t *testing.T) int {
	t.Helper()
	var stacks strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(stacks.String(), "created by github.com/bearerkit/bearer/jwks.")
}

// TestReplaceErrors tests that Replace reports all problems at once. If there is a problem,
// Replace must change nothing.
func TestReplaceErrors(t *testing.T) {
	a, b := newIssuer(t, "EdDSA"), bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://b.example", Algorithms: []string{"EdDSA"}})
	t.Cleanup(b.Close)
	config := func(i *bearertest.Issuer, audience string) bearer.Config {
		return bearer.Config{Issuer: i.URL(), Audience: []string{audience}, Keys: newLiveKeys(t, i), Logger: slog.New(slog.DiscardHandler)}
	}
	issuers := new(bearer.Issuers)
	defer issuers.Close()
	if err := issuers.Replace(config(a, audience)); err == nil || !strings.Contains(err.Error(), "the issuer was not added; use Add") {
		t.Errorf("Replace of an unknown issuer: got error %v, want an error that names Add", err)
	}
	if err := issuers.Add(config(a, audience)); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, "Replace", issuers.Replace(config(a, ""), config(b, "other")),
		`issuer "https://b.example": the issuer was not added; use Add`, `issuer "https://issuer.example": Config.Audience: [""] contains an empty audience`)
	testkit.WantError(t, "Replace of one issuer twice", issuers.Replace(config(a, audience), config(a, "other")), `issuer "https://issuer.example": there are two configurations`)
	if _, err := issuers.Verify(t.Context(), a.Token(nil)); err != nil {
		t.Errorf("after a failed Replace: got error %v, want none, because the old configuration still applies", err)
	}
	if err := issuers.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, "Replace after Close", issuers.Replace(config(a, audience)), "Issuers is closed")
}

// TestRefresh tests that Refresh fetches the rotated keys of all issuers. The error must name
// only the issuer whose keys Refresh cannot fetch.
func TestRefresh(t *testing.T) {
	var running []*bearertest.Issuer
	issuers := new(bearer.Issuers)
	defer issuers.Close()
	for range 3 {
		issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
		defer issuer.Close()
		running = append(running, issuer)
		if err := issuers.Add(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := issuers.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, issuer := range running {
		issuer.Rotate()
	}
	down := running[1]
	down.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: 500})
	err := issuers.Refresh(t.Context())
	testkit.WantError(t, "Refresh", err, `issuer "`+down.URL()+`"`)
	if strings.Contains(err.Error(), running[0].URL()) {
		t.Errorf("got error %v, want an error that names only the issuer that is down", err)
	}
	for i, issuer := range running {
		if status := issuers.Status(); i != 1 {
			for _, s := range status {
				if s.Issuer == issuer.URL() && len(s.Keys.Keys) != 2 {
					t.Errorf("%s: got %d keys, want 2, the old key and the new key", s.Issuer, len(s.Keys.Keys))
				}
			}
		}
	}
	fixed := newVerifier(t, newIssuer(t, "EdDSA"), nil)
	if err := fixed.Refresh(t.Context()); err != nil {
		t.Errorf("fixed key set: got error %v, want none", err)
	}
}

// TestReplaceDuringValidate replaces the configuration while Config.Validate runs for a cached
// token, and then Validate reports that it cannot decide. The new configuration must check the
// token completely, because nothing was checked under it.
func TestReplaceDuringValidate(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	issuers := new(bearer.Issuers)
	defer issuers.Close()
	cfg := testkit.Config(t, issuer)
	strict := cfg
	strict.Audience = []string{"other"}
	replace := false
	cfg.Validate = func(context.Context, *bearer.Claims) error {
		if !replace {
			return nil
		}
		if err := issuers.Replace(strict); err != nil { //nolint:contextcheck // Replace takes no context
			t.Error(err)
		}
		return bearer.KeysUnavailable
	}
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	token := issuer.Token(nil)
	if _, err := issuers.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	replace = true
	if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongAudience {
		t.Errorf("got error %v, want reason %q of the new configuration", err, bearer.WrongAudience)
	}
}
