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

// keySet is a KeySet with fixed answers. It counts calls of Key.
type keySet struct {
	known []*jwks.Key // returned by Lookup
	newer []*jwks.Key // returned by Key, together with err
	err   error
	calls int // number of calls of Key
}

func (k *keySet) Lookup(string, string) ([]*jwks.Key, error) {
	if len(k.known) == 0 {
		return nil, jwks.ErrUnknownKey
	}
	return k.known, nil
}

func (k *keySet) Key(context.Context, string, string, ...*jwks.Key) ([]*jwks.Key, error) {
	k.calls++
	return k.newer, k.err
}

// TestKeys uses key sets with different answers. Each row contains the reason that the
// verifier must return, and the number of times that the verifier must request new keys.
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
	notAsked := &jwks.UnavailableError{NotAsked: true, RetryAfter: 7 * time.Second, Err: errors.New("not asked")}
	for _, row := range []struct {
		name   string
		keys   keySet
		claims members
		want   bearer.Reason
		calls  int // number of calls of Key
	}{
		{"known key", keySet{known: known}, nil, "", 0},
		{"new key", keySet{newer: known}, nil, "", 1},
		{"new key with the same kid", keySet{known: old, newer: known}, nil, "", 1},
		{"unknown key", keySet{err: jwks.ErrUnknownKey}, nil, bearer.UnknownKey, 1},
		{"keys unavailable", keySet{err: unavailable}, nil, bearer.KeysUnavailable, 1},
		{"key not asked for", keySet{err: notAsked}, nil, bearer.KeyNotAsked, 1},
		{"signature does not match the known key, and newer keys were not asked for", keySet{known: old, err: notAsked}, nil, bearer.KeyNotAsked, 1},
		{"expired token, and newer keys were not asked for", keySet{err: notAsked}, members{"exp": 1}, bearer.Expired, 0},
		{"request canceled", keySet{err: context.Canceled}, nil, bearer.KeysUnavailable, 1},
		{"signature does not match the known key", keySet{known: old, err: jwks.ErrUnknownKey}, nil, bearer.BadSignature, 1},
		{"signature does not match the known key, and the issuer is down", keySet{known: old, err: unavailable}, nil, bearer.BadSignature, 1},
		{"signature matches neither the known key nor the new key", keySet{known: old, newer: old}, nil, bearer.BadSignature, 1},
		{"signature does not match the new key", keySet{newer: old}, nil, bearer.BadSignature, 1},
		{"expired token causes no fetch", keySet{err: unavailable}, members{"exp": 1}, bearer.Expired, 0},
		{"wrong audience causes no fetch", keySet{err: unavailable}, members{"aud": "x"}, bearer.WrongAudience, 0},
		{"wrong issuer causes no fetch", keySet{err: unavailable}, members{"iss": "x"}, bearer.WrongIssuer, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			keys := row.keys
			v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = &keys })
			_, err := v.Verify(t.Context(), issuer.Token(row.claims))
			if got := reasonOf(t, err); got != row.want {
				t.Errorf("got reason %q, want %q; error: %v", got, row.want, err)
			}
			if keys.calls != row.calls {
				t.Errorf("got %d requests for new keys, want %d", keys.calls, row.calls)
			}
			if e, ok := errors.AsType[*bearer.Error](err); ok && errors.Is(row.keys.err, jwks.ErrUnavailable) &&
				(e.Reason == bearer.KeysUnavailable || e.Reason == bearer.KeyNotAsked) && e.RetryAfter != 7*time.Second {
				t.Errorf("got RetryAfter %v, want 7 s", e.RetryAfter)
			}
		})
	}
}
