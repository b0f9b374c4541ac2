package dpop_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// boundAPI is an API with a verifier of bound tokens, and a client with a key.
type boundAPI struct {
	issuer   *bearertest.Issuer
	verifier *bearer.JWTVerifier
	client   *dpop.Signer
	token    string // bound to the key of the client
}

func newBoundAPI(t *testing.T, opts dpop.Options, adjust func(*bearer.Config)) *boundAPI {
	t.Helper()
	if opts.Origins == nil && !opts.InsecureAnyOrigin {
		opts.Origins = []string{"https://api.example"}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	binding, err := dpop.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	a := &boundAPI{issuer: testkit.NewIssuer(t, "EdDSA"), client: newSigner(t)}
	a.verifier = testkit.NewVerifier(t, a.issuer, func(cfg *bearer.Config) {
		cfg.Bindings, cfg.Logger = []bearer.Binding{binding}, slog.New(slog.DiscardHandler)
		if adjust != nil {
			adjust(cfg)
		}
	})
	a.token = a.bound(a.client.Thumbprint())
	return a
}

// bound returns a token that is bound to a key.
func (a *boundAPI) bound(thumbprint string) string {
	return a.issuer.Token(map[string]any{"scope": "a", "cnf": map[string]any{"jkt": thumbprint}})
}

func (a *boundAPI) proof(t *testing.T, method, uri, nonce string) string {
	t.Helper()
	text, err := a.client.Proof(method, uri, a.token, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// request returns a request for GET https://api.example/orders.
func (a *boundAPI) request(authorization string, proofs ...string) bearer.Request {
	return bearer.Request{
		Transport: "test", Rule: scopes.All("a"), Authorization: []string{authorization}, Proofs: proofs,
		Method: "GET", Scheme: "https", Host: "api.example", Path: "/orders",
	}
}

// reasonOf returns the reason of the refusal, or "".
func reasonOf(err error) bearer.Reason {
	if refused, ok := errors.AsType[*bearer.Error](err); ok {
		return refused.Reason
	}
	return ""
}

func (a *boundAPI) decide(t *testing.T, req bearer.Request) (*bearer.Claims, *bearer.Error) {
	t.Helper()
	ctx, err := bearer.Decide(t.Context(), a.verifier, req)
	if err != nil {
		refused, _ := errors.AsType[*bearer.Error](err)
		return nil, refused
	}
	claims, _ := bearer.FromContext(ctx)
	return claims, nil
}

// TestBoundToken tests the agreement of the token, the scheme and the proof, for a new token and for
// a cached token.
func TestBoundToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		thief := newSigner(t)
		stolen := func(method, uri string) string {
			text, err := thief.Proof(method, uri, a.token, "")
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		unbound := a.issuer.Token(map[string]any{"scope": "a"})
		const uri = "https://api.example/orders"
		good := func() string { return a.proof(t, "GET", uri, "") }
		for name, test := range map[string]struct {
			authorization string
			proofs        []string
			want          bearer.Reason
		}{
			"bound token with its proof":         {"DPoP " + a.token, []string{good()}, ""},
			"scheme in lower case":               {"dpop  " + a.token, []string{good()}, ""},
			"unbound token":                      {"Bearer " + unbound, nil, ""},
			"unbound token with a proof":         {"Bearer " + unbound, []string{good()}, ""},
			"no proof":                           {"DPoP " + a.token, nil, bearer.InvalidProof},
			"two proofs":                         {"DPoP " + a.token, []string{good(), good()}, bearer.InvalidProof},
			"two proofs in one field":            {"DPoP " + a.token, []string{good() + ", " + good()}, bearer.InvalidProof},
			"downgrade":                          {"Bearer " + a.token, nil, bearer.WrongBinding},
			"downgrade with a proof":             {"Bearer " + a.token, []string{good()}, bearer.WrongBinding},
			"scheme DPoP for an unbound token":   {"DPoP " + unbound, []string{good()}, bearer.WrongBinding},
			"proof of a different key":           {"DPoP " + a.token, []string{stolen("GET", uri)}, bearer.WrongBinding},
			"other method":                       {"DPoP " + a.token, []string{a.proof(t, "POST", uri, "")}, bearer.InvalidProof},
			"other path":                         {"DPoP " + a.token, []string{a.proof(t, "GET", uri+"/1", "")}, bearer.InvalidProof},
			"other host":                         {"DPoP " + a.token, []string{a.proof(t, "GET", "https://other.example/orders", "")}, bearer.InvalidProof},
			"http":                               {"DPoP " + a.token, []string{a.proof(t, "GET", "http://api.example/orders", "")}, bearer.InvalidProof},
			"token as proof":                     {"DPoP " + a.token, []string{a.token}, bearer.InvalidProof},
			"proof as token":                     {"DPoP " + good(), []string{good()}, bearer.WrongIssuer},
			"expired token with its proof":       {"DPoP " + a.issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute), "cnf": map[string]any{"jkt": a.client.Thumbprint()}}), []string{good()}, bearer.Expired},
			"unknown member of cnf":              {"DPoP " + a.issuer.Token(map[string]any{"cnf": map[string]any{"jkt": a.client.Thumbprint(), "x5t#S256": "x"}}), []string{good()}, bearer.WrongBinding},
			"number as jkt":                      {"DPoP " + a.issuer.Token(map[string]any{"cnf": map[string]any{"jkt": 1}}), []string{good()}, bearer.WrongBinding},
			"empty jkt":                          {"DPoP " + a.issuer.Token(map[string]any{"cnf": map[string]any{"jkt": ""}}), []string{good()}, bearer.WrongBinding},
			"empty cnf":                          {"DPoP " + a.issuer.Token(map[string]any{"cnf": map[string]any{}}), []string{good()}, bearer.WrongBinding},
			"two Authorization values in a list": {"Bearer " + unbound + ", DPoP " + a.token, []string{good()}, bearer.InvalidRequest},
		} {
			for _, again := range []bool{false, true} {
				req := a.request(test.authorization, test.proofs...)
				if again && test.want == "" && len(test.proofs) == 1 && strings.HasPrefix(strings.ToLower(test.authorization), "dpop") {
					req.Proofs = []string{good()} // a proof works once
				}
				claims, refused := a.decide(t, req)
				got := bearer.Reason("")
				if refused != nil {
					got = refused.Reason
				}
				if got != test.want {
					t.Errorf("%s (again: %t): got reason %q (%v), want %q", name, again, got, refused, test.want)
				}
				if refused == nil && strings.HasPrefix(strings.ToLower(test.authorization), "dpop") && claims.BoundTo("jkt") != a.client.Thumbprint() {
					t.Errorf("%s: got BoundTo %q, want the thumbprint of the client's key", name, claims.BoundTo("jkt"))
				}
			}
		}
		// Explain gives the same verdict, twice, and does not use up the proof.
		req := a.request("DPoP "+a.token, good())
		for range 2 {
			if x := bearer.Explain(t.Context(), a.verifier, req); x.Reason != "" {
				t.Errorf("got explanation %v, want allowed", x)
			}
		}
		if _, refused := a.decide(t, req); refused != nil {
			t.Errorf("after Explain: got %v, want allowed", refused)
		}
	})
}

// TestReplay sends one proof in many requests at the same time. One of them is accepted.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		req := a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", ""))
		var accepted atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := bearer.Decide(context.Background(), a.verifier, req); err == nil {
					accepted.Add(1)
				} else if reasonOf(err) != bearer.InvalidProof {
					t.Errorf("got reason %q, want proof", reasonOf(err))
				}
			})
		}
		wg.Wait()
		if accepted.Load() != 1 {
			t.Errorf("got %d of 50 requests accepted, want 1", accepted.Load())
		}
	})
}

// A proof that is refused for another cause is not used up, and a proof is old after MaxAge.
func TestProofTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		text := a.proof(t, "GET", "https://api.example/orders", "")
		wrong := a.request("DPoP "+a.token, text)
		wrong.Method = "POST"
		if _, refused := a.decide(t, wrong); refused == nil {
			t.Fatal("other method: got allowed, want refused")
		}
		time.Sleep(time.Minute)
		if _, refused := a.decide(t, a.request("DPoP "+a.token, text)); refused != nil {
			t.Errorf("after 1 min: got %v, want allowed", refused)
		}
		early := a.proof(t, "GET", "https://api.example/orders", "")
		time.Sleep(time.Minute + time.Second)
		if _, refused := a.decide(t, a.request("DPoP "+a.token, early)); refused == nil || refused.Reason != bearer.InvalidProof {
			t.Errorf("after 61 s: got %v, want reason proof", refused)
		}
	})
}

// TestNonce follows the challenge of an API that requires nonces.
func TestNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}, nil)
		const uri = "https://api.example/orders"
		_, refused := a.decide(t, a.request("DPoP "+a.token, a.proof(t, "GET", uri, "")))
		if refused == nil || refused.Reason != bearer.ProofNonce || refused.Nonce == "" {
			t.Fatalf("no nonce: got %+v, want reason proof_nonce and a nonce", refused)
		}
		nonce := refused.Nonce
		text := a.proof(t, "GET", uri, nonce)
		if _, refused := a.decide(t, a.request("DPoP "+a.token, text)); refused != nil {
			t.Errorf("with the nonce: got %v, want allowed", refused)
		}
		if _, refused := a.decide(t, a.request("DPoP "+a.token, text)); refused == nil || refused.Reason != bearer.InvalidProof {
			t.Errorf("the same proof again: got %v, want reason proof", refused)
		}
		time.Sleep(3 * time.Minute)
		if _, refused := a.decide(t, a.request("DPoP "+a.token, a.proof(t, "GET", uri, nonce))); refused == nil || refused.Reason != bearer.ProofNonce {
			t.Errorf("old nonce: got %v, want reason proof_nonce", refused)
		}
	})
}

// failing is a store that returns an error.
type failing struct{}

func (failing) Seen(context.Context, string, time.Time) (bool, error) {
	return false, errors.New("the store is away")
}

func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for insecure, want := range map[bool]bearer.Reason{false: bearer.Unavailable, true: ""} {
			a := newBoundAPI(t, dpop.Options{Replays: failing{}, InsecureAcceptWithoutReplays: insecure}, nil)
			_, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", "")))
			if got := reasonOf(err); got != want {
				t.Errorf("InsecureAcceptWithoutReplays=%t: got reason %q, want %q", insecure, got, want)
			}
		}
	})
}

// A full memory refuses new proofs, and a client at its limit does not disturb others.
func TestMemoryLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replays, err := dpop.NewReplays(3, 2)
		if err != nil {
			t.Fatal(err)
		}
		a := newBoundAPI(t, dpop.Options{Replays: replays}, nil)
		send := func() bearer.Reason {
			_, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", "")))
			return reasonOf(err)
		}
		first := []bearer.Reason{send(), send(), send()}
		a.client = newSigner(t)
		a.token = a.bound(a.client.Thumbprint())
		second := []bearer.Reason{send(), send()}
		if got, want := slices.Concat(first, second), []bearer.Reason{"", "", bearer.Unavailable, "", bearer.Unavailable}; !slices.Equal(got, want) {
			t.Errorf("got reasons %q, want %q", got, want)
		}
		time.Sleep(3 * time.Minute)
		if got := send(); got != "" {
			t.Errorf("after 3 min: got reason %q, want allowed", got)
		}
	})
}

// RequireBound refuses unbound tokens.
func TestRequireBound(t *testing.T) {
	a := newBoundAPI(t, dpop.Options{}, func(cfg *bearer.Config) { cfg.RequireBound = true })
	_, refused := a.decide(t, a.request("Bearer "+a.issuer.Token(map[string]any{"scope": "a"})))
	if refused == nil || refused.Reason != bearer.WrongBinding || len(refused.Accepts) != 1 || refused.Accepts[0].Scheme != "DPoP" {
		t.Errorf("unbound token: got %+v, want reason binding, and that only DPoP is accepted", refused)
	}
}

// TestTwoGuards decides twice about one request, as two guards in a row do. The second decision must
// not refuse the proof as a replay. A different request with the same proof is refused.
func TestTwoGuards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		req := a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", ""))
		ctx, err := bearer.Decide(t.Context(), a.verifier, req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bearer.Decide(ctx, a.verifier, req); err != nil {
			t.Errorf("second guard: got %v, want allowed", err)
		}
		if _, err := bearer.Decide(t.Context(), a.verifier, req); reasonOf(err) != bearer.InvalidProof {
			t.Errorf("second request: got %v, want reason proof", err)
		}
		other := req
		other.Path = "/other"
		if _, err := bearer.Decide(ctx, a.verifier, other); reasonOf(err) != bearer.InvalidProof {
			t.Errorf("other path in the context of the request: got %v, want reason proof", err)
		}
	})
}

// Without a guard there are no facts, so a bound token is refused.
func TestWithoutFacts(t *testing.T) {
	a := newBoundAPI(t, dpop.Options{}, nil)
	_, err := a.verifier.Verify(t.Context(), a.token)
	if reasonOf(err) != bearer.WrongBinding {
		t.Errorf("Verify: got %v, want reason binding", err)
	}
	// A guard that sets no facts: the scheme counts even so.
	for authorization, want := range map[string]bearer.Reason{
		"DPoP " + a.token: bearer.WrongBinding, "Bearer " + a.token: bearer.WrongBinding,
		"DPoP " + a.issuer.Token(map[string]any{"scope": "a"}): bearer.WrongBinding, "Bearer " + a.issuer.Token(map[string]any{"scope": "a"}): "",
	} {
		_, err := bearer.Decide(t.Context(), a.verifier, bearer.Request{Authorization: []string{authorization}, Rule: scopes.All("a")})
		if got := reasonOf(err); got != want {
			t.Errorf("%s without Method: got reason %q, want %q", authorization[:6], got, want)
		}
	}
	wrapped := bearer.VerifierFunc(a.verifier.Verify)
	_, err = bearer.Decide(t.Context(), wrapped, a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", "")))
	if reasonOf(err) != bearer.NoToken {
		t.Errorf("wrapper without Accepts: got %v, want reason no_token", err)
	}
}
