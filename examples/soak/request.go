package main

import (
	"context"
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

// request is a request and the data that determines the correct verdict.
type request struct {
	kind          string
	issuer        *authority
	life          *keyLife // the key that signed the token; nil if the verdict does not depend on a key
	authorization []string
	subject       string
	// want is the correct verdict if the cache has the key. It is empty if the verdict must be
	// "allowed".
	want bearer.Reason
	// unknown is true if no issuer has published the key.
	unknown bool
	// expires is the time at which the token expires, or zero if the token does not
	// expire during the run.
	expires time.Time
}

// generator creates the requests of one transport. It reuses tokens, as clients do.
type generator struct {
	s       *soak
	rng     *mathrand.Rand
	n       int
	attacks int       // number of hostile requests so far
	tokens  []request // requests for reuse; their tokens were valid, but some of the keys are withdrawn
}

const (
	maxKept   = 120 // maximum number of requests for reuse
	validPart = 60  // percentage of requests with a valid token
)

// run creates requests until ctx ends. The channel has a buffer, because the signature of an
// RS256 token takes longer than the interval between two requests.
func (g *generator) run(ctx context.Context, requests chan<- request) {
	for {
		select {
		case requests <- g.next():
		case <-ctx.Done():
			return
		}
	}
}

// next returns the next request.
func (g *generator) next() request {
	g.n++
	a := g.s.issuers[g.rng.IntN(len(g.s.issuers))]
	switch p := g.rng.IntN(100); {
	case p < validPart-15 && len(g.tokens) > 0:
		return g.tokens[g.rng.IntN(len(g.tokens))]
	case p < validPart-5:
		return g.store(g.valid(a))
	case p < validPart:
		return g.expiring(a)
	}
	return g.hostile(a)
}

// subject returns a unique subject.
func (g *generator) subject() string { return fmt.Sprintf("client-%d-%s", g.n, rand.Text()) }

// newRequest returns a request with a token. The arguments header and claims change the header
// and the claims of a valid token.
func (g *generator) newRequest(kind string, a *authority, want bearer.Reason, header, claims map[string]any) request {
	life, subject := a.signingKey(), g.subject()
	all := map[string]any{"sub": subject, "client_id": subject, "jti": rand.Text()}
	for name, value := range claims {
		all[name] = value
	}
	return g.withToken(request{kind: kind, issuer: a, life: life, subject: subject, want: want}, a.mint(life, header, all))
}

// withToken adds the token to the request.
func (g *generator) withToken(r request, token string) request {
	g.s.leaks.learn(token)
	r.authorization = []string{"Bearer " + token}
	return r
}

func (g *generator) valid(a *authority) request { return g.newRequest("valid token", a, "", nil, nil) }

// store keeps a request with a valid token for reuse, and returns the request.
func (g *generator) store(r request) request {
	if len(g.tokens) < maxKept {
		g.tokens = append(g.tokens, r)
	} else {
		g.tokens[g.rng.IntN(maxKept)] = r
	}
	return r
}

// expiring returns a request whose token expires within 2 s. The generator can reuse the
// request even after the token has expired.
func (g *generator) expiring(a *authority) request {
	expires := time.Unix(time.Now().Unix()+2, 0)
	s := g.newRequest("token that expires soon", a, "", nil, map[string]any{"exp": expires.Unix()})
	s.expires = expires
	return g.store(s)
}

// hostile returns a request that must be refused.
func (g *generator) hostile(a *authority) request {
	now := time.Now()
	of := func(kind string, want bearer.Reason, header, claims map[string]any) request {
		return g.newRequest(kind, a, want, header, claims)
	}
	// keyless is for requests that the verifier refuses before it looks up the key.
	keyless := func(s request) request { s.life = nil; return s }
	g.attacks++ // each request has the next kind, so that even a slow machine sends requests of all kinds
	switch g.attacks % 16 {
	case 0:
		return keyless(of("expired token", bearer.Expired, nil, map[string]any{"exp": now.Add(-time.Minute).Unix()}))
	case 1:
		return keyless(of("token that is not yet valid", bearer.NotYetValid, nil, map[string]any{"nbf": now.Add(time.Hour).Unix()}))
	case 2:
		return keyless(of("token for another API", bearer.WrongAudience, nil, map[string]any{"aud": "billing-api"}))
	case 3:
		return keyless(of("ID token", bearer.WrongType, map[string]any{"typ": "JWT"}, nil))
	case 4:
		return keyless(of("token bound to a client key", bearer.WrongBinding, nil, map[string]any{"cnf": map[string]string{"jkt": "x"}}))
	case 5:
		return of("token without the required scope", bearer.MissingScope, nil, map[string]any{"scope": "other"})
	case 6:
		return of("token without custom claims", bearer.InvalidCustom, nil, map[string]any{"grant": nil})
	case 7:
		s := g.valid(a)
		token := bearertest.Tamper(strings.TrimPrefix(s.authorization[0], "Bearer "), map[string]any{"sub": "admin"})
		s.kind, s.want = "tampered token", bearer.BadSignature
		return g.withToken(s, token)
	case 8:
		s := g.valid(a)
		s.kind, s.want = "forged token", bearer.BadSignature
		return g.withToken(s, a.mint(&keyLife{key: a.forger.Renamed(s.life.key.ID())}, nil, nil))
	case 9:
		s := of("token with an unknown key", bearer.UnknownKey, map[string]any{"kid": rand.Text()}, nil)
		s.unknown = true
		return s
	case 10:
		return keyless(of("token with alg none", bearer.WrongAlgorithm, map[string]any{"alg": "none"}, nil))
	case 11:
		return keyless(of("token of an unknown issuer", bearer.WrongIssuer, nil, map[string]any{"iss": "https://" + rand.Text() + ".example"}))
	case 12:
		return g.withToken(request{kind: "token that is not a JWT", want: bearer.Malformed}, rand.Text()+rand.Text())
	case 13:
		return g.withToken(request{kind: "token of 40 KiB", want: bearer.Malformed}, strings.Repeat("eyJh.", 8<<10))
	case 14:
		return request{kind: "no token", want: bearer.NoToken}
	}
	s := g.valid(a)
	s.kind, s.want, s.life = "two tokens", bearer.InvalidRequest, nil
	s.authorization = append(s.authorization, s.authorization[0])
	return s
}

// moment is a time and the state of a key cache at this time.
type moment struct {
	at   time.Time
	keys jwks.Status
}

// cacheState returns the time and the current state of the issuer's key cache.
func (s request) cacheState() moment {
	if s.issuer == nil {
		return moment{at: time.Now()}
	}
	return moment{at: time.Now(), keys: s.issuer.cache.Status()}
}

// correctVerdicts returns the correct verdicts on the request. The correct verdicts depend on
// the state of the key cache before and after the request.
func (s request) correctVerdicts(before, after moment) []bearer.Reason {
	want := []bearer.Reason{s.want}
	if s.want == bearer.BadSignature {
		want = append(want, bearer.KeyNotAsked) // the issuer may publish a new key with the old key id
	}
	if !s.expires.IsZero() {
		switch {
		case !before.at.Before(s.expires):
			return []bearer.Reason{bearer.Expired} // this verdict is correct even if the cache does not have the key
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
	unknown := []bearer.Reason{bearer.UnknownKey, bearer.KeyNotAsked}
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
	return append(want, bearer.UnknownKey, bearer.KeyNotAsked, bearer.KeysUnavailable) // it is not known whether the cache had the key
}
