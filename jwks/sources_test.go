package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// sources returns Sources of the issuers.
func sources(t *testing.T, failover bool, issuers ...*issuer) *jwks.Sources {
	t.Helper()
	s := &jwks.Sources{Failover: failover}
	for _, i := range issuers {
		s.Caches = append(s.Caches, newCache(t, i))
	}
	return s
}

// outcomeOf returns the ids of the keys, "unknown", or "unavailable".
func outcomeOf(keys []*jwks.Key, err error) string {
	switch {
	case errors.Is(err, jwks.ErrUnknownKey):
		return "unknown"
	case errors.Is(err, jwks.ErrUnavailable):
		return "unavailable"
	case err != nil:
		return err.Error()
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = key.ID()
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// The keys of all sources count, or with Failover the keys of the first source that is available.
func TestSources(t *testing.T) {
	type state struct {
		keys string // the kids that the source publishes; "down" if it never answers
		gone bool   // the source goes down after its first answer
	}
	up, down := func(keys string) state { return state{keys: keys} }, state{keys: "down"}
	gone := func(keys string) state { return state{keys: keys, gone: true} }
	rows := []struct {
		sources  []state
		kid      string
		union    string
		failover string
	}{
		{[]state{up("a"), up("b")}, "a", "a", "a"},
		{[]state{up("a"), up("b")}, "b", "b", "unknown"},
		{[]state{up("a"), up("b")}, "x", "unknown", "unknown"},
		{[]state{down, up("b")}, "b", "b", "b"},
		{[]state{down, up("b")}, "a", "unavailable", "unknown"},
		{[]state{up("a"), down}, "a", "a", "a"},
		{[]state{up("a"), down}, "b", "unavailable", "unknown"},
		{[]state{down, down}, "a", "unavailable", "unavailable"},
		{[]state{gone("a"), up("b")}, "a", "a", "a"},
		{[]state{gone("a"), up("b")}, "b", "b", "b"},
		{[]state{gone("a"), up("b")}, "x", "unavailable", "unknown"},
		{[]state{up("a"), gone("b")}, "x", "unavailable", "unknown"},
		{[]state{up("a"), up("a")}, "a", "a", "a"}, // the same key twice is checked once
		{nil, "a", "unavailable", "unavailable"},
	}
	published := map[string]jwk{"a": ecKey("a"), "b": ecKey("b"), "down": ecKey("down")}
	for _, row := range rows {
		for _, failover := range []bool{false, true} {
			expected := row.union
			if failover {
				expected = row.failover
			}
			t.Run(fmt.Sprint(row.sources, " ", row.kid, " ", failover), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var issuers []*issuer
					for _, state := range row.sources {
						i := newIssuer(published[state.keys])
						i.down = state == down
						issuers = append(issuers, i)
					}
					s := sources(t, failover, issuers...)
					for n, state := range row.sources {
						if state.gone {
							issuers[n].update(func(i *issuer) { i.down = true })
							_ = s.Caches[n].Refresh(t.Context())
						}
					}
					start := time.Now()
					want(t, "Key", outcomeOf(s.Key(t.Context(), row.kid, "ES256")), expected)
					if took := time.Since(start); took > 2*time.Second {
						t.Errorf("Key took %v, want at most 2 s", took)
					}
					want(t, "Lookup", outcomeOf(s.Lookup(row.kid, "ES256")), expected)
				})
			})
		}
	}
}

// A new key of any source is found with the first token, also while another source hangs.
func TestSourcesRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, hanging := newIssuer(ecKey("a")), newIssuer(ecKey("b")), newIssuer(ecKey("c"))
		s := sources(t, false, a, b, hanging)
		hanging.update(func(i *issuer) { i.hang = true })
		b.publish(ecKey("b2"))
		start := time.Now()
		want(t, "Key", outcomeOf(s.Key(t.Context(), "b2", "ES256")), "b2")
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("got the key after %v, want no wait for the source that hangs", took)
		}
		keys, err := s.Lookup("b2", "ES256")
		want(t, "error of Lookup", err, nil)
		want(t, "source", keys[0].Source(), s.Caches[1].Status().Source)
	})
}

// Sources with the same kid but different keys return both keys.
func TestSourcesSameKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := ecKey("b")
		other["kid"] = "a"
		s := sources(t, false, newIssuer(ecKey("a")), newIssuer(other))
		want(t, "Key", outcomeOf(s.Key(t.Context(), "a", "ES256")), "a a")
		keys, _ := s.Lookup("a", "ES256")
		want(t, "Key without the first", outcomeOf(s.Key(t.Context(), "a", "ES256", keys[0])), "a")
		want(t, "Lookup without a kid", outcomeOf(s.Lookup("", "ES256")), "a a")
	})
}

// Ready returns with the first source that has keys. Refresh reports the sources that fail.
func TestSourcesReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := newIssuer(ecKey("a"))
		dead.down = true
		s := sources(t, false, dead, newIssuer(ecKey("b")))
		want(t, "Ready", s.Ready(t.Context()), nil)
		if err := s.Refresh(t.Context()); err == nil {
			t.Error("Refresh with a source that is down: got no error, want one")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		none := sources(t, false, dead)
		if err := none.Ready(ctx); !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("Ready without keys: got %v, want ErrUnavailable", err)
		}
		var zero jwks.Sources
		if err := errors.Join(zero.Ready(ctx), zero.Refresh(ctx)); !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("zero Sources: got %v, want ErrUnavailable", err)
		}
		want(t, "number of states", len(s.Status()), 2)
	})
}
