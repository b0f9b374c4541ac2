package incident

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
)

// Bearer is the Subject of this repository. It uses a bearer.JWTVerifier with a jwks.Cache.
// Both have the default options, except that they discard their logs. The fields Interval and
// Store of a Setup change the options of the cache. Its readiness check is the handler of package
// middleware.
var Bearer = Subject{Name: "bearer", Open: openBearer}

func openBearer(s Setup) (Verifier, error) {
	opts := &jwks.Options{
		Issuer:      s.Issuer,
		MinInterval: s.Interval,
		MaxInterval: s.Interval,
		Logger:      slog.New(slog.DiscardHandler), // the Result counts the failures
	}
	if s.Store != "" {
		store, err := jwks.NewFileStore(s.Store)
		if err != nil {
			return nil, err
		}
		opts.Store = store
	}
	open := func() (*jwks.Cache, error) { return jwks.New(s.KeysURL, opts) }
	if s.Discover {
		open = func() (*jwks.Cache, error) { return jwks.Discover(s.Issuer, opts) }
	}
	keys, err := open()
	if err != nil {
		return nil, err
	}
	v, err := bearer.New(bearer.Config{Issuer: s.Issuer, Audience: []string{s.Audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, keys.Close())
	}
	ready, err := middleware.NewReadiness(v, nil)
	if err != nil {
		return nil, errors.Join(err, v.Close(), keys.Close())
	}
	return &bearerVerifier{v, keys, ready}, nil
}

type bearerVerifier struct {
	verifier *bearer.JWTVerifier
	keys     *jwks.Cache
	ready    http.Handler
}

// Verify implements Verifier.
func (b *bearerVerifier) Verify(ctx context.Context, token string) Outcome {
	_, err := b.verifier.Verify(ctx, token)
	refusal, _ := errors.AsType[*bearer.Error](err)
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, bearer.KeyNotAsked) && refusal != nil && refusal.RetryAfter > 0:
		return NotAsked
	case errors.Is(err, bearer.KeysUnavailable), errors.Is(err, bearer.KeyNotAsked):
		return Unavailable
	}
	return Refused
}

// Probe implements Prober.
func (b *bearerVerifier) Probe() bool {
	w := httptest.NewRecorder()
	b.ready.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/ready", http.NoBody))
	return w.Code == http.StatusOK
}

// Close implements Verifier.
func (b *bearerVerifier) Close() error { return errors.Join(b.verifier.Close(), b.keys.Close()) }
