package incident

import (
	"context"
	"errors"
	"log/slog"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// Ours is the subject of this repository: a bearer.JWTVerifier with a jwks.Cache, both with
// default options.
var Ours = Subject{Name: "bearer", Open: openOurs}

func openOurs(s Setup) (Verifier, error) {
	opts := &jwks.Options{
		Issuer:      s.Issuer,
		MinInterval: s.Interval,
		MaxInterval: s.Interval,
		Logger:      slog.New(slog.DiscardHandler), // the table shows the same
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
	return &ours{v, keys}, nil
}

type ours struct {
	verifier *bearer.JWTVerifier
	keys     *jwks.Cache
}

// Verify implements Verifier.
func (o *ours) Verify(ctx context.Context, token string) Outcome {
	_, err := o.verifier.Verify(ctx, token)
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, bearer.KeysUnavailable):
		return Unavailable
	}
	return Refused
}

// Close implements Verifier.
func (o *ours) Close() error { return errors.Join(o.verifier.Close(), o.keys.Close()) }
