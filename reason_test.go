package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// refusedRequests returns one request for each reason, and the verifier that refuses the
// requests.
func refusedRequests(t *testing.T) (map[bearer.Reason]bearer.Request, *bearer.JWTVerifier) {
	t.Helper()
	issuer := newIssuer(t, "EdDSA")
	keys := newLiveKeys(t, issuer)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Keys = keys
		cfg.Custom = func(claims []byte) (any, error) {
			if len(claims) > 2000 {
				return nil, errors.New("the claims are too long")
			}
			return nil, nil
		}
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			switch c.Subject() {
			case "revoked":
				return bearer.Revoked
			case "panic":
				panic("a hook")
			case "proof":
				return bearer.InvalidProof
			case "nonce":
				return bearer.ProofNonce
			case "store":
				return bearer.Unavailable
			case "flooded":
				return &bearer.Error{Reason: bearer.KeyNotAsked, Err: &jwks.UnavailableError{NotAsked: true}}
			case "down":
				return &bearer.Error{Reason: bearer.KeysUnavailable, Err: &jwks.UnavailableError{}}
			}
			return nil
		}
	})
	with := func(authorization string) bearer.Request {
		return bearer.Request{Authorization: []string{authorization}, Rule: scopes.All("a")}
	}
	mint := func(header, claims map[string]any) bearer.Request {
		return with("Bearer " + issuer.Mint(header, claims))
	}
	requests := map[bearer.Reason]bearer.Request{
		bearer.InvalidRequest:  with("Bearer a b"),
		bearer.NoToken:         with("Basic x"),
		bearer.Malformed:       with("Bearer garbage"),
		bearer.WrongIssuer:     mint(nil, members{"iss": "x"}),
		bearer.WrongAlgorithm:  mint(members{"alg": "none"}, nil),
		bearer.UnknownKey:      mint(members{"kid": "x"}, nil),
		bearer.BadSignature:    with("Bearer " + issuer.Forge(nil, nil)),
		bearer.WrongType:       mint(members{"typ": "x"}, nil),
		bearer.Expired:         mint(nil, members{"exp": 1}),
		bearer.NotYetValid:     mint(nil, members{"nbf": time.Now().Add(time.Hour)}),
		bearer.WrongAudience:   mint(nil, members{"aud": "x"}),
		bearer.InvalidClaims:   mint(nil, members{"sub": 1}),
		bearer.WrongBinding:    mint(nil, members{"cnf": members{"jkt": "x"}}),
		bearer.InvalidProof:    mint(nil, members{"sub": "proof"}),
		bearer.ProofNonce:      mint(nil, members{"sub": "nonce"}),
		bearer.InvalidCustom:   mint(nil, members{"x": fmt.Sprintf("%2000d", 1)}),
		bearer.Revoked:         mint(nil, members{"sub": "revoked"}),
		bearer.MissingScope:    mint(nil, nil),
		bearer.KeysUnavailable: mint(nil, members{"sub": "down"}),
		bearer.KeyNotAsked:     mint(nil, members{"sub": "flooded"}),
		bearer.Unavailable:     mint(nil, members{"sub": "store"}),
		bearer.Internal:        mint(nil, members{"sub": "panic"}),
	}
	return requests, v
}

// TestErrorContract tests the error of each refusal, for each function that refuses
// requests. The error must wrap an *Error. A change of this *Error must not affect later
// requests.
func TestErrorContract(t *testing.T) {
	requests, v := refusedRequests(t)
	for reason, req := range requests {
		events := &testkit.Recorder{}
		req.Observer = events
		for name, refuse := range map[string]func() error{
			"Decide":         func() error { _, err := bearer.Decide(t.Context(), v, req); return err },
			"Decide wrapped": func() error { _, err := bearer.Decide(t.Context(), wrapping{v}, req); return err },
			"Verify": func() error {
				if reason == bearer.InvalidRequest || reason == bearer.NoToken || reason == bearer.MissingScope {
					return reason // Verify never returns this reason
				}
				_, err := v.Verify(t.Context(), req.Authorization[0][len("Bearer "):])
				return err
			},
			"Event": func() error {
				events.Take()
				_, _ = bearer.Decide(t.Context(), v, req)
				return events.Take()[0].Err
			},
		} {
			err := refuse()
			if !errors.Is(err, reason) {
				t.Errorf("%s, %s: got error %v, want errors.Is to find the reason", name, reason, err)
			}
			if _, bare := err.(bearer.Reason); bare { //nolint:errorlint // The test itself returned this error.
				continue
			}
			e, ok := errors.AsType[*bearer.Error](err)
			if !ok || e.Reason != reason {
				t.Errorf("%s, %s: got an error of type %T, want an error that wraps an *Error with this reason", name, reason, err)
				continue
			}
			e.Reason, e.Missing = "changed", []string{"changed"}
			second, ok := errors.AsType[*bearer.Error](decideOnce(t, v, req))
			if !ok || second.Reason != reason {
				t.Errorf("%s, %s: got error %v for the next request, want the reason of the first request", name, reason, second)
			}
		}
	}
}

func decideOnce(t *testing.T, v bearer.Verifier, req bearer.Request) error {
	t.Helper()
	_, err := bearer.Decide(t.Context(), v, req)
	return err
}

// TestExplainEveryReason tests the explanation of each refusal. The explanation must have the
// reason of the refusal. The first failed check must state the value that the check found.
func TestExplainEveryReason(t *testing.T) {
	requests, v := refusedRequests(t)
	for reason, req := range requests {
		x := bearer.Explain(t.Context(), v, req)
		if x.Reason != reason {
			t.Errorf("got reason %q, want %q", x.Reason, reason)
		}
		i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.State == "failed" })
		if i < 0 {
			t.Errorf("%s: got no failed check, want one in\n%s", reason, x)
		} else if c := x.Checks[i]; c.Got == "" || c.Got == "as required" || c.Got == "not as required" {
			t.Errorf("%s: got check %+v, want a check with the value that it found", reason, c)
		}
	}
}

// TestNoTokenDetail tests the error for a missing token. The error must describe the mistake
// of the client if the mistake is frequent.
func TestNoTokenDetail(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	for want, authorization := range map[string][]string{
		"no Authorization field":     nil,
		"has a token but no scheme":  {issuer.Token(nil)},
		"a scheme other than Bearer": {"Basic eDp5"},
	} {
		for _, rule := range []scopes.Rule{scopes.All(), scopes.Optional(scopes.All())} {
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: authorization, Rule: rule})
			if rule.IsOptional() {
				if err != nil {
					t.Errorf("%q, optional rule: got error %v, want none, because the rule allows requests without a token", authorization, err)
				}
			} else if reasonOf(t, err) != bearer.NoToken || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got error %v, want %q in the text", authorization, err, want)
			}
		}
	}
}
