package dpop_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestExplain explains requests with bound tokens. The row "possession" says what is wrong with the
// proof, and what to do.
func TestExplain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		thief := newSigner(t)
		stolen, err := thief.Proof("GET", "https://api.example/orders", a.token, "")
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			req         bearer.Request
			state       string
			got, advice string
		}{
			"good":          {a.request("DPoP "+a.token, a.proof(t, "GET", "https://api.example/orders", "")), "passed", "the scheme DPoP, and the key of jkt", ""},
			"unbound token": {a.request("Bearer " + a.issuer.Token(map[string]any{"scope": "a"})), "passed", "the token is not bound to a client key", ""},
			"http in htu":   {a.request("DPoP "+a.token, a.proof(t, "GET", "http://api.example/orders", "")), "failed", `the proof is for "http://api.example/orders", and the target URI of the request is "https://api.example/orders"`, "dpop.Options.Origins"},
			"no proof":      {a.request("DPoP " + a.token), "failed", "the request has no DPoP field", "The text above says what is wrong"},
			"downgrade":     {a.request("Bearer " + a.token), "failed", "the scheme of the request is Bearer, want DPoP", "A bound token must come with its own scheme"},
			"thief":         {a.request("DPoP "+a.token, stolen), "failed", "the proof has a different key than the token", "a different client may have sent it"},
			"forged token":  {a.request("DPoP "+a.issuer.Forge(nil, map[string]any{"cnf": map[string]any{"jkt": a.client.Thumbprint()}}), a.proof(t, "GET", "https://api.example/orders", "")), "skipped", "the signature was not verified, so the proof is not checked", ""},
		} {
			x := bearer.Explain(t.Context(), a.verifier, test.req)
			i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "possession" })
			if i < 0 {
				t.Errorf("%s: got no check of possession in %v", name, x)
				continue
			}
			if c := x.Checks[i]; c.State != test.state || !strings.Contains(c.Got, test.got) || !strings.Contains(c.Advice, test.advice) || strings.Contains(x.String(), test.req.Authorization[0][len("Bearer "):]) {
				t.Errorf("%s: got %+v, want state %s, text %q and advice %q, without the token", name, c, test.state, test.got, test.advice)
			}
		}
		// A verifier without bindings has no such check, and says how to accept the token.
		plain := bearer.Explain(t.Context(), testkit.NewVerifier(t, a.issuer, nil), a.request("Bearer "+a.token))
		i := slices.IndexFunc(plain.Checks, func(c bearer.CheckResult) bool { return c.Name == "binding" })
		if text := plain.String(); strings.Contains(text, "possession  ") || plain.Reason != bearer.WrongBinding || !strings.Contains(plain.Checks[i].Advice, "dpop.New") {
			t.Errorf("without bindings: got %v, want no check of possession, and advice that names dpop.New", text)
		}
	})
}

// TestIssuers adds issuers with different bindings. A token is accepted only as its own issuer's
// configuration says, and challenges offer what any issuer accepts.
func TestIssuers(t *testing.T) {
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}, Algorithms: []string{"ES256"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	bound := testkit.NewIssuer(t, "EdDSA")
	plain := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://plain.example", Audience: []string{testkit.Audience}, Algorithms: []string{"EdDSA"}})
	required := testkit.Config(t, bound)
	required.Issuer, required.Bindings, required.RequireBound = bound.URL(), []bearer.Binding{binding}, true
	issuers := &bearer.Issuers{Logger: slog.New(slog.DiscardHandler)}
	if err := issuers.Add(required); err != nil {
		t.Fatal(err)
	}
	schemes := func() (names []string) {
		for _, b := range issuers.Accepts() {
			names = append(names, b.Scheme)
		}
		return names
	}
	if got := schemes(); !slices.Equal(got, []string{"DPoP"}) {
		t.Errorf("one issuer: got schemes %q, want DPoP", got)
	}
	if err := issuers.Add(testkit.Config(t, plain)); err != nil {
		t.Fatal(err)
	}
	if got := schemes(); !slices.Equal(got, []string{"Bearer", "DPoP"}) {
		t.Errorf("two issuers: got schemes %q, want Bearer and DPoP", got)
	}
	client := newSigner(t)
	for name, test := range map[string]struct {
		issuer *bearertest.Issuer
		claims map[string]any
		scheme string
		want   bearer.Reason
	}{
		"bound token":                 {bound, map[string]any{"scope": "a", "cnf": map[string]any{"jkt": client.Thumbprint()}}, "DPoP ", ""},
		"unbound token":               {bound, map[string]any{"scope": "a"}, "Bearer ", bearer.WrongBinding},
		"unbound token, scheme DPoP":  {bound, map[string]any{"scope": "a"}, "DPoP ", bearer.WrongBinding},
		"other issuer, unbound token": {plain, map[string]any{"scope": "a"}, "Bearer ", ""},
		"other issuer, bound token":   {plain, map[string]any{"scope": "a", "cnf": map[string]any{"jkt": client.Thumbprint()}}, "DPoP ", bearer.WrongBinding},
		"other issuer, scheme DPoP":   {plain, map[string]any{"scope": "a"}, "DPoP ", bearer.WrongBinding},
	} {
		token := test.issuer.Token(test.claims)
		proof, err := client.Proof("GET", "https://api.example/orders", token, "")
		if err != nil {
			t.Fatal(err)
		}
		a := &boundAPI{}
		_, err = bearer.Decide(t.Context(), issuers, a.request(test.scheme+token, proof))
		if got := reasonOf(err); got != test.want {
			t.Errorf("%s: got reason %q (%v), want %q", name, got, err, test.want)
		}
	}
	issuers.Remove(bound.URL())
	if got := schemes(); got != nil {
		t.Errorf("issuer without bindings: got schemes %q, want none", got)
	}
	issuers.Remove(plain.URL())
	if got := issuers.Accepts(); got != nil {
		t.Errorf("no issuer: got %v, want nil", got)
	}
}
