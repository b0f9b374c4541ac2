package bearer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// keySet is a KeySet that answers as it is told and counts what it is asked.
type keySet struct {
	known []*jwks.Key
	newer []*jwks.Key
	err   error
	asked int
}

func (k *keySet) Lookup(string, string) ([]*jwks.Key, error) {
	if len(k.known) == 0 {
		return nil, jwks.ErrUnknownKey
	}
	return k.known, nil
}

func (k *keySet) Key(context.Context, string, string, ...*jwks.Key) ([]*jwks.Key, error) {
	k.asked++
	return k.newer, k.err
}

// TestKeys has what the verifier makes of a key set's answers: whose fault it is
// that there is no key.
func TestKeys(t *testing.T) {
	issuer := newIssuer(t)
	keysOf := func(issuer *bearertest.Issuer) []*jwks.Key {
		set, err := jwks.Parse(issuer.JWKS())
		if err != nil {
			t.Fatal(err)
		}
		keys, err := set.Lookup(issuer.SigningKey("").ID(), "RS256")
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	known := keysOf(issuer)
	old := keysOf(newIssuer(t))
	unavailable := &jwks.UnavailableError{RetryAfter: 7 * time.Second, Err: errors.New("no route to host")}
	for _, row := range []struct {
		name   string
		keys   keySet
		claims members
		want   bearer.Reason
		asked  int
	}{
		{"known", keySet{known: known}, nil, "", 0},
		{"new", keySet{newer: known}, nil, "", 1},
		{"same kid, new material", keySet{known: old, newer: known}, nil, "", 1},
		{"unknown", keySet{err: jwks.ErrUnknownKey}, nil, bearer.UnknownKey, 1},
		{"unavailable", keySet{err: unavailable}, nil, bearer.KeysUnavailable, 1},
		{"caller gave up", keySet{err: context.Canceled}, nil, bearer.KeysUnavailable, 1},
		{"bad under a known key", keySet{known: old, err: jwks.ErrUnknownKey}, nil, bearer.BadSignature, 1},
		{"bad under a known key, issuer down", keySet{known: old, err: unavailable}, nil, bearer.BadSignature, 1},
		{"bad under the new key too", keySet{known: old, newer: old}, nil, bearer.BadSignature, 1},
		{"bad under the new key", keySet{newer: old}, nil, bearer.BadSignature, 1},
		{"expired causes no fetch", keySet{err: unavailable}, members{"exp": 1}, bearer.Expired, 0},
		{"not for us causes no fetch", keySet{err: unavailable}, members{"aud": "x"}, bearer.WrongAudience, 0},
		{"of another issuer causes no fetch", keySet{err: unavailable}, members{"iss": "x"}, bearer.WrongIssuer, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			keys := row.keys
			v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = &keys })
			_, err := v.Verify(t.Context(), issuer.Token(row.claims))
			if got := reasonOf(t, err); got != row.want {
				t.Errorf("got reason %q, want %q: %v", got, row.want, err)
			}
			if keys.asked != row.asked {
				t.Errorf("asked for new keys %d times, want %d", keys.asked, row.asked)
			}
			if e, ok := errors.AsType[*bearer.Error](err); ok && errors.Is(row.keys.err, jwks.ErrUnavailable) &&
				e.Reason == bearer.KeysUnavailable && e.RetryAfter != 7*time.Second {
				t.Errorf("got RetryAfter %v, want 7s", e.RetryAfter)
			}
		})
	}
}
