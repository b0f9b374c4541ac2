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

// shot is one request and what must come of it.
type shot struct {
	kind          string
	issuer        *authority
	life          *keyLife // that signed; nil where no key matters
	authorization []string
	subject       string
	// want is the verdict where the key is known, and "" where it is accepted.
	want bearer.Reason
	// unknown says that no issuer has the key.
	unknown bool
	// expires is when the token does, where that is while it is used. Zero: not.
	expires time.Time
}

// gunner makes shots for one client. It uses tokens again, as clients do.
type gunner struct {
	s      *soak
	rng    *mathrand.Rand
	n      int
	kinds  int    // how many hostile requests there were
	tokens []shot // good ones of the last keys, also of those that are withdrawn
}

const (
	maxKept  = 120
	goodPart = 60 // of 100 requests are meant to pass
)

// next returns the next request.
func (g *gunner) next() shot {
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

// subject returns a name that no other token has.
func (g *gunner) subject() string { return fmt.Sprintf("client-%d-%s", g.n, rand.Text()) }

// shoot makes the shot of a token with these claims.
func (g *gunner) shoot(kind string, a *authority, want bearer.Reason, header, claims map[string]any) shot {
	life, subject := a.current(), g.subject()
	all := map[string]any{"sub": subject, "client_id": subject, "jti": rand.Text()}
	for name, value := range claims {
		all[name] = value
	}
	return g.send(shot{kind: kind, issuer: a, life: life, subject: subject, want: want}, a.mint(life, header, all))
}

// send fills in the token.
func (g *gunner) send(to shot, token string) shot {
	g.s.leaks.learn(token)
	to.authorization = []string{"Bearer " + token}
	return to
}

func (g *gunner) good(a *authority) shot { return g.shoot("good", a, "", nil, nil) }

// keep has a good token used again.
func (g *gunner) keep(good shot) shot {
	if len(g.tokens) < maxKept {
		g.tokens = append(g.tokens, good)
	} else {
		g.tokens[g.rng.IntN(maxKept)] = good
	}
	return good
}

// brief is a token that expires while it is kept.
func (g *gunner) brief(a *authority) shot {
	expires := time.Unix(time.Now().Unix()+2, 0)
	s := g.shoot("brief", a, "", nil, map[string]any{"exp": expires.Unix()})
	s.expires = expires
	return g.keep(s)
}

// hostile is a request that must be refused.
func (g *gunner) hostile(a *authority) shot {
	now := time.Now()
	of := func(kind string, want bearer.Reason, header, claims map[string]any) shot {
		return g.shoot(kind, a, want, header, claims)
	}
	// What is refused before any key is asked for depends on none.
	free := func(s shot) shot { s.life = nil; return s }
	g.kinds++ // each kind in its turn: a slow machine sends few requests
	switch g.kinds % 16 {
	case 0:
		return free(of("expired", bearer.Expired, nil, map[string]any{"exp": now.Add(-time.Minute).Unix()}))
	case 1:
		return free(of("from the future", bearer.NotYetValid, nil, map[string]any{"nbf": now.Add(time.Hour).Unix()}))
	case 2:
		return free(of("for another API", bearer.WrongAudience, nil, map[string]any{"aud": "billing-api"}))
	case 3:
		return free(of("ID token", bearer.WrongType, map[string]any{"typ": "JWT"}, nil))
	case 4:
		return free(of("bound", bearer.WrongBinding, nil, map[string]any{"cnf": map[string]string{"jkt": "x"}}))
	case 5:
		return of("no scope", bearer.MissingScope, nil, map[string]any{"scope": "other"})
	case 6:
		return of("no custom claims", bearer.InvalidCustom, nil, map[string]any{"grant": nil})
	case 7:
		s := g.good(a)
		token := bearertest.Tamper(strings.TrimPrefix(s.authorization[0], "Bearer "), map[string]any{"sub": "admin"})
		s.kind, s.want = "changed", bearer.BadSignature
		return g.send(s, token)
	case 8:
		s := g.good(a)
		s.kind, s.want = "forged", bearer.BadSignature
		return g.send(s, a.mint(&keyLife{key: a.forger.Renamed(s.life.key.ID())}, nil, nil))
	case 9:
		s := of("unknown key", bearer.UnknownKey, map[string]any{"kid": rand.Text()}, nil)
		s.unknown = true
		return s
	case 10:
		return free(of("alg none", bearer.WrongAlgorithm, map[string]any{"alg": "none"}, nil))
	case 11:
		return free(of("issuer of nobody", bearer.WrongIssuer, nil, map[string]any{"iss": "https://" + rand.Text() + ".example"}))
	case 12:
		return g.send(shot{kind: "garbage", want: bearer.Malformed}, rand.Text()+rand.Text())
	case 13:
		return g.send(shot{kind: "huge", want: bearer.Malformed}, strings.Repeat("eyJh.", 8<<10))
	case 14:
		return shot{kind: "no token", want: bearer.NoToken}
	}
	s := g.good(a)
	s.kind, s.want, s.life = "two tokens", bearer.InvalidRequest, nil
	s.authorization = append(s.authorization, s.authorization[0])
	return s
}

// moment is what was known of an issuer at a time.
type moment struct {
	at   time.Time
	keys jwks.Status
}

func (s shot) now() moment {
	if s.issuer == nil {
		return moment{at: time.Now()}
	}
	return moment{at: time.Now(), keys: s.issuer.cache.Status()}
}

// allowed returns what the verdict may be, given what was known before and after
// the request.
func (s shot) allowed(before, after moment) []bearer.Reason {
	want := []bearer.Reason{s.want}
	if !s.expires.IsZero() {
		switch {
		case !before.at.Before(s.expires):
			return []bearer.Reason{bearer.Expired} // which no key could change
		case !after.at.Before(s.expires):
			want = append(want, bearer.Expired)
		}
	}
	if s.life == nil {
		return want
	}
	b, a := before.keys, after.keys
	ready := b.Ready && a.Ready
	calm := ready && b.Failures+a.Failures == 0 && b.Failed == a.Failed && s.issuer.well(before.at) && after.at.Sub(before.at) < time.Second
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
		return want // it was fetched, and was not withdrawn
	case ready && !life.withdrawn.IsZero() && b.LastSuccess.After(life.withdrawn):
		return append(unknown, slices.DeleteFunc(want, func(r bearer.Reason) bool { return r != bearer.Expired })...)
	}
	return append(want, bearer.UnknownKey, bearer.KeysUnavailable) // on the way from one to the other
}
