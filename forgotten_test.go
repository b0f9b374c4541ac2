package bearer_test

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// A program makes a verifier, or an Issuers, for each request and does not close it. The background
// refreshes of the forgotten ones end. This test needs real time, because the garbage collector
// runs outside of a synctest bubble.
func TestForgottenVerifiers(t *testing.T) {
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	config := func() bearer.Config {
		return bearer.Config{
			Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Logger: slog.New(slog.DiscardHandler),
			KeyOptions: &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)},
		}
	}
	for name, forget := range map[string]func() error{
		"New": func() error {
			v, err := bearer.New(config())
			if err == nil {
				_, err = v.Verify(t.Context(), issuer.Token(map[string]any{"aud": "https://api.test"}))
			}
			return err
		},
		"Issuers": func() error {
			var s bearer.Issuers
			if err := s.Add(config()); err != nil {
				return err
			}
			_, err := s.Verify(t.Context(), issuer.Token(map[string]any{"aud": "https://api.test"}))
			return err
		},
		"Issuers.Limits in the options of a cache": func() error {
			var s bearer.Issuers
			cfg := config()
			o := *cfg.KeyOptions
			o.Limits = &s.Limits
			keys, err := jwks.Discover(issuer.URL(), &o)
			if err != nil {
				return err
			}
			cfg.Keys, cfg.KeyOptions = keys, nil
			if err := s.Add(cfg); err != nil {
				return err
			}
			_, err = s.Verify(t.Context(), issuer.Token(map[string]any{"aud": "https://api.test"}))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			const n = 20
			for range n {
				if err := forget(); err != nil {
					t.Fatal(err)
				}
			}
			after := 0
			for range 400 {
				runtime.GC()
				if after = runtime.NumGoroutine(); after <= before {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Errorf("goroutines after %d were forgotten: got %d, want %d", n, after, before)
		})
	}
}
