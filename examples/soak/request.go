package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// request is one request and the data from which its correct verdict follows.
type request struct {
	kind          string
	issuer        *authority
	life          *keyLife // the key that signed; nil if the verdict does not depend on a key
	authorization []string
	subject       string
	// want is the verdict if the cache has the key. It is empty if the request must be
	// let through.
	want bearer.Reason
	// unknown is true if no issuer has published the key.
	unknown bool
	// expires is when the token expires, if it expires during the run, or zero.
	expires time.Time
}

// generator creates the requests of one transport. It reuses tokens, as clients do.
type generator struct {
	s       *soak
	rng     *mathrand.Rand
	n       int
	attacks int       // number of hostile requests so far
	tokens  []request // requests with good tokens for reuse; some of their keys are withdrawn
}

const (
	maxKept  = 120 // largest number of tokens for reuse
	goodPart = 60  // percentage of requests with a good token
)

// next returns the next request.
func (g *generator) next() request {
	g.n++
	a := g.s.issuers[g.rng.IntN(len(g.s.issuers))]
	switch p := g.rng.IntN(100); {
	case p < goodPart-15 && len(g.tokens) > 0:
		return g.tokens[g.rng.IntN(len(g.tokens))]
	case p < goodPart-5:
		return g.keep(g.good(a))
	case p < goodPart:
		return g.brief(a)
	}
	return g.hostile(a)
}

// subject returns a unique subject.
func (g *generator) subject() string { return fmt.Sprintf("client-%d-%s", g.n, rand.Text()) }

// newRequest returns a request with a good token that is changed by header and claims.
func (g *generator) newRequest(kind string, a *authority, want bearer.Reason, header, claims map[string]any) request {
	life, subject := a.current(), g.subject()
	all := map[string]any{"sub": subject, "client_id": subject, "jti": rand.Text()}
	for name, value := range claims {
		all[name] = value
	}
	return g.withToken(request{kind: kind, issuer: a, life: life, subject: subject, want: want}, a.mint(life, header, all))
}

// withToken adds the token to a request.
func (g *generator) withToken(r request, token string) request {
	g.s.leaks.learn(token)
	r.authorization = []string{"Bearer " + token}
	return r
}

func (g *generator) good(a *authority) request { return g.newRequest("good", a, "", nil, nil) }

// keep stores a good token for reuse.
func (g *generator) keep(good request) request {
	if len(g.tokens) < maxKept {
		g.tokens = append(g.tokens, good)
	} else {
		g.tokens[g.rng.IntN(maxKept)] = good
	}
	return good
}

// brief returns a request whose token expires within 2 s. Later requests may reuse the
// expired token.
func (g *generator) brief(a *authority) request {
	expires := time.Unix(time.Now().Unix()+2, 0)
	s := g.newRequest("brief", a, "", nil, map[string]any{"exp": expires.Unix()})
	s.expires = expires
	return g.keep(s)
}

// hostile returns a request that must be refused.
func (g *generator) hostile(a *authority) request {
	now := time.Now()
	of := func(kind string, want bearer.Reason, header, claims map[string]any) request {
		return g.newRequest(kind, a, want, header, claims)
	}
	// keyless is for requests that are refused before the key is looked up.
	keyless := func(s request) request { s.life = nil; return s }
	g.attacks++ // each kind in turn, so that a slow machine also sends all of them
	switch g.attacks % 16 {
	case 0:
		return keyless(of("expired", bearer.Expired, nil, map[string]any{"exp": now.Add(-time.Minute).Unix()}))
	case 1:
		return keyless(of("from the future", bearer.NotYetValid, nil, map[string]any{"nbf": now.Add(time.Hour).Unix()}))
	case 2:
		return keyless(of("for another API", bearer.WrongAudience, nil, map[string]any{"aud": "billing-api"}))
	case 3:
		return keyless(of("ID token", bearer.WrongType, map[string]any{"typ": "JWT"}, nil))
	case 4:
		return keyless(of("bound to its sender", bearer.WrongBinding, nil, map[string]any{"cnf": map[string]string{"jkt": "x"}}))
	case 5:
		return of("no scope", bearer.MissingScope, nil, map[string]any{"scope": "other"})
	case 6:
		return of("no custom claims", bearer.InvalidCustom, nil, map[string]any{"grant": nil})
	case 7:
		s := g.good(a)
		token := bearertest.Tamper(strings.TrimPrefix(s.authorization[0], "Bearer "), map[string]any{"sub": "admin"})
		s.kind, s.want = "changed", bearer.BadSignature
		return g.withToken(s, token)
	case 8:
		s := g.good(a)
		s.kind, s.want = "forged", bearer.BadSignature
		return g.withToken(s, a.mint(&keyLife{key: a.forger.Renamed(s.life.key.ID())}, nil, nil))
	case 9:
		s := of("unknown key", bearer.UnknownKey, map[string]any{"kid": rand.Text()}, nil)
		s.unknown = true
		return s
	case 10:
		return keyless(of("alg none", bearer.WrongAlgorithm, map[string]any{"alg": "none"}, nil))
	case 11:
		return keyless(of("unknown issuer", bearer.WrongIssuer, nil, map[string]any{"iss": "https://" + rand.Text() + ".example"}))
	case 12:
		return g.withToken(request{kind: "garbage", want: bearer.Malformed}, rand.Text()+rand.Text())
	case 13:
		return g.withToken(request{kind: "huge", want: bearer.Malformed}, strings.Repeat("eyJh.", 8<<10))
	case 14:
		return request{kind: "no token", want: bearer.NoToken}
	}
	s := g.good(a)
	s.kind, s.want, s.life = "two tokens", bearer.InvalidRequest, nil
	s.authorization = append(s.authorization, s.authorization[0])
	return s
}

// moment is a time, and the state of a key cache at this time.
type moment struct {
	at   time.Time
	keys jwks.Status
}

// now returns the present state of the issuer's key cache.
func (s request) now() moment {
	if s.issuer == nil {
		return moment{at: time.Now()}
	}
	return moment{at: time.Now(), keys: s.issuer.cache.Status()}
}

// allowed returns the correct verdicts. They follow from the state of the key cache before
// and after the request.
func (s request) allowed(before, after moment) []bearer.Reason {
	want := []bearer.Reason{s.want}
	if !s.expires.IsZero() {
		switch {
		case !before.at.Before(s.expires):
			return []bearer.Reason{bearer.Expired} // whether the cache has the key or not
		case !after.at.Before(s.expires):
			want = append(want, bearer.Expired)
		}
	}
	if s.life == nil {
		return want
	}
	b, a := before.keys, after.keys
	ready := b.Ready && a.Ready
	calm := ready && b.Failures+a.Failures == 0 && b.Failed == a.Failed && s.issuer.healthy(before.at) && after.at.Sub(before.at) < time.Second
	unknown := []bearer.Reason{bearer.UnknownKey}
	if !calm {
		unknown = append(unknown, bearer.KeysUnavailable)
	}
	s.issuer.mu.Lock()
	life := *s.life
	s.issuer.mu.Unlock()
	switch {
	case !b.Ready && !a.Ready && b.LastSuccess.Equal(a.LastSuccess):
		return append(slices.DeleteFunc(want, func(r bearer.Reason) bool { return r != bearer.Expired }), bearer.KeysUnavailable)
	case s.unknown:
		return unknown
	case ready && b.LastSuccess.After(life.published) && (life.withdrawing.IsZero() || after.at.Before(life.withdrawing)):
		return want // the cache had the key, and the key was not withdrawn
	case ready && !life.withdrawn.IsZero() && b.LastSuccess.After(life.withdrawn):
		return append(unknown, slices.DeleteFunc(want, func(r bearer.Reason) bool { return r != bearer.Expired })...)
	}
	return append(want, bearer.UnknownKey, bearer.KeysUnavailable) // it is not certain that the cache had the key
}
