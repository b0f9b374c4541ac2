package incident

import (
	"context"
	"errors"
	"log/slog"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// Bearer is the Subject of this repository. It uses a bearer.JWTVerifier with a jwks.Cache.
// Both have the default options, except that they discard their logs. The fields Interval and
// Store of a Setup change the options of the cache.
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
	keys, err := jwks.New(s.KeysURL, opts)
	if err != nil {
		return nil, err
	}
	v, err := bearer.New(bearer.Config{Issuer: s.Issuer, Audience: []string{s.Audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, keys.Close())
	}
	return &bearerVerifier{v, keys}, nil
}

type bearerVerifier struct {
	verifier *bearer.JWTVerifier
	keys     *jwks.Cache
}

// Verify implements Verifier.
func (b *bearerVerifier) Verify(ctx context.Context, token string) Outcome {
	_, err := b.verifier.Verify(ctx, token)
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, bearer.KeysUnavailable), errors.Is(err, bearer.KeyNotAsked):
		return Unavailable
	}
	return Refused
}

// Close implements Verifier.
func (b *bearerVerifier) Close() error { return errors.Join(b.verifier.Close(), b.keys.Close()) }
