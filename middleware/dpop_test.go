package middleware_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// boundFixture is a guard that accepts bound tokens, and a client with a key.
type boundFixture struct {
	issuer *bearertest.Issuer
	guard  *middleware.Guard
	client *dpop.Signer
	bound  string // a token that is bound to the key of the client
	plain  string // a token without a binding
}

func newBoundFixture(t *testing.T, opts *middleware.Options, proofs dpop.Options, adjust func(*bearer.Config)) *boundFixture {
	t.Helper()
	if proofs.Origins == nil {
		proofs.Origins = []string{"https://api.example"}
	}
	proofs.Logger = slog.New(slog.DiscardHandler)
	binding, err := dpop.New(proofs)
	if err != nil {
		t.Fatal(err)
	}
	f := &boundFixture{issuer: testkit.NewIssuer(t, "EdDSA")}
	v := testkit.NewVerifier(t, f.issuer, func(cfg *bearer.Config) {
		cfg.Bindings, cfg.Logger = []bearer.Binding{binding}, slog.New(slog.DiscardHandler)
		if adjust != nil {
			adjust(cfg)
		}
	})
	if f.guard, err = middleware.New(v, opts); err != nil {
		t.Fatal(err)
	}
	if f.client, err = dpop.GenerateSigner(); err != nil {
		t.Fatal(err)
	}
	f.bound = f.issuer.Token(map[string]any{"scope": "a", "cnf": map[string]any{"jkt": f.client.Thumbprint()}})
	f.plain = f.issuer.Token(map[string]any{"scope": "a"})
	return f
}

func (f *boundFixture) proof(t *testing.T, method, uri, nonce string) string {
	t.Helper()
	text, err := f.client.Proof(method, uri, f.bound, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// get sends a GET request with these fields to the handler. A value of Authorization or DPoP may be "".
func get(h http.Handler, target, authorization string, proofs ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if len(proofs) > 0 {
		r.Header["Dpop"] = proofs
	}
	return serve(h, r)
}

const algs = `, algs="ES256 Ed25519 EdDSA PS256 RS256"`

// TestDPoPChallenges tests the challenges of both schemes (RFC 9449, sections 7.1 and 7.2).
func TestDPoPChallenges(t *testing.T) {
	const (
		bare    = `Bearer realm="api"`
		offered = `DPoP realm="api"` + algs
	)
	failed := func(scheme, code, description string) string {
		text := scheme + ` realm="api", error="` + code + `", error_description="` + description + `"`
		if scheme == "DPoP" {
			text += algs
		}
		return text
	}
	const unmatched = "The access token, its scheme and the proof of possession do not fit each other"
	both := newBoundFixture(t, nil, dpop.Options{}, nil)
	required := newBoundFixture(t, nil, dpop.Options{}, func(cfg *bearer.Config) { cfg.RequireBound = true })
	for name, test := range map[string]struct {
		*boundFixture
		authorization string
		proofs        []string
		status        int
		want          []string
	}{
		"no credentials":             {both, "", nil, 401, []string{bare, offered}},
		"proof without a token":      {both, "", []string{both.proof(t, "GET", "https://api.example/", "")}, 401, []string{bare, offered}},
		"other scheme":               {both, "Basic x", nil, 401, []string{bare, offered}},
		"Bearer failed":              {both, "Bearer x.y.z", nil, 401, []string{failed("Bearer", "invalid_token", "The access token is invalid"), offered}},
		"DPoP failed":                {both, "DPoP x.y.z", nil, 401, []string{bare, failed("DPoP", "invalid_token", "The access token is invalid")}},
		"no proof":                   {both, "DPoP " + both.bound, nil, 401, []string{bare, failed("DPoP", "invalid_dpop_proof", "The DPoP proof is missing or invalid")}},
		"downgrade":                  {both, "Bearer " + both.bound, nil, 401, []string{failed("Bearer", "invalid_token", unmatched), offered}},
		"DPoP with an unbound token": {both, "DPoP " + both.plain, nil, 401, []string{bare, failed("DPoP", "invalid_token", unmatched)}},
		"bound, but no scope":        {both, "DPoP " + both.issuer.Token(map[string]any{"cnf": map[string]any{"jkt": both.client.Thumbprint()}}), nil, 401, []string{bare, failed("DPoP", "invalid_dpop_proof", "The DPoP proof is missing or invalid")}},
		"unbound, missing scope":     {both, "Bearer " + both.issuer.Token(nil), nil, 403, []string{`Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="a"`, offered}},
		"token with a space":         {both, "DPoP a b", nil, 400, []string{bare, failed("DPoP", "invalid_request", "The request must carry exactly one bearer token")}},
		"required, no credentials":   {required, "", nil, 401, []string{offered}},
		"required, unbound token":    {required, "Bearer " + required.plain, nil, 401, []string{failed("DPoP", "invalid_token", unmatched)}},
		"required, broken token":     {required, "Bearer x", nil, 401, []string{failed("DPoP", "invalid_token", "The access token is invalid")}},
	} {
		handler := test.guard.Require(scopes.All("a"))(http.NotFoundHandler())
		w := get(handler, "/", test.authorization, test.proofs...)
		if got := w.Header().Values("WWW-Authenticate"); w.Code != test.status || !slices.Equal(got, test.want) {
			t.Errorf("%s: got status %d and challenges\n%q, want %d and\n%q", name, w.Code, got, test.status, test.want)
		}
	}
	// Two Authorization fields are an error of both schemes.
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header["Authorization"] = []string{"Bearer " + both.plain, "DPoP " + both.bound}
	w := serve(both.guard.Require(scopes.All("a"))(http.NotFoundHandler()), r)
	want := []string{
		failed("Bearer", "invalid_request", "The request must carry exactly one bearer token"),
		failed("DPoP", "invalid_request", "The request must carry exactly one bearer token"),
	}
	if got := w.Header().Values("WWW-Authenticate"); w.Code != 400 || !slices.Equal(got, want) {
		t.Errorf("two fields: got status %d and challenges %q, want 400 and %q", w.Code, got, want)
	}
}

// TestDPoPNonce follows the challenge for a nonce. Browsers may read the nonce.
func TestDPoPNonce(t *testing.T) {
	f := newBoundFixture(t, &middleware.Options{ExposeChallenge: true}, dpop.Options{NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}, nil)
	handler := f.guard.Require(scopes.All("a"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	w := get(handler, "/orders", "DPoP "+f.bound, f.proof(t, "GET", "https://api.example/orders", ""))
	nonces := w.Header().Values("DPoP-Nonce")
	if w.Code != 401 || len(nonces) != 1 || !strings.Contains(w.Header().Get("WWW-Authenticate")+w.Header().Values("WWW-Authenticate")[1], `error="use_dpop_nonce"`) {
		t.Fatalf("got status %d and fields %v, want 401, one nonce and the error use_dpop_nonce", w.Code, w.Header())
	}
	if got := w.Header().Get("Access-Control-Expose-Headers"); got != "WWW-Authenticate, DPoP-Nonce" {
		t.Errorf("got exposed fields %q, want WWW-Authenticate, DPoP-Nonce", got)
	}
	var body struct{ Reason string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Reason != "proof_nonce" {
		t.Errorf("got body %s, want the reason proof_nonce", w.Body)
	}
	w = get(handler, "/orders?page=2", "DPoP "+f.bound, f.proof(t, "GET", "https://api.example/orders", nonces[0]))
	if w.Code != 204 || w.Header().Get("DPoP-Nonce") != "" {
		t.Errorf("with the nonce: got status %d and fields %v, want 204 and no new nonce", w.Code, w.Header())
	}
}

// The path of the request is that of the request line, even if middleware has removed a prefix or a
// router has decoded the path.
func TestDPoPPath(t *testing.T) {
	f := newBoundFixture(t, nil, dpop.Options{}, nil)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	guarded := f.guard.Require(scopes.All("a"))(ok)
	for name, test := range map[string]struct {
		handler     http.Handler
		target, htu string
		want        int
	}{
		"escaped slash":           {guarded, "/a%2Fb", "https://api.example/a%2fb", 200},
		"decoded slash":           {guarded, "/a%2Fb", "https://api.example/a/b", 401},
		"prefix removed":          {http.StripPrefix("/v1", guarded), "/v1/orders", "https://api.example/v1/orders", 200},
		"prefix removed, not htu": {http.StripPrefix("/v1", guarded), "/v1/orders", "https://api.example/orders", 401},
		"absolute form":           {guarded, "http://other.example/orders?x", "https://api.example/orders", 200},
		"absolute form, no path":  {guarded, "http://other.example", "https://api.example/", 403}, // a request without a path has no rule
		"query":                   {guarded, "/orders?next=/admin", "https://api.example/orders", 200},
	} {
		w := get(test.handler, test.target, "DPoP "+f.bound, f.proof(t, "GET", test.htu, ""))
		if w.Code != test.want {
			t.Errorf("%s: got status %d (%s), want %d", name, w.Code, w.Body, test.want)
		}
	}
	r := httptest.NewRequest(http.MethodOptions, "*", http.NoBody)
	r.Header.Set("Authorization", "DPoP "+f.bound)
	r.Header.Set("DPoP", f.proof(t, "OPTIONS", "https://api.example/*", ""))
	if w := serve(guarded, r); w.Code != 401 {
		t.Errorf("OPTIONS *: got status %d, want 401", w.Code)
	}
	// No field of the request changes the target URI.
	r = httptest.NewRequest(http.MethodGet, "/orders", http.NoBody)
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Forwarded-Prefix"} {
		r.Header.Set(name, "evil.example")
	}
	r.Host = "evil.example"
	r.Header.Set("Authorization", "DPoP "+f.bound)
	r.Header.Set("DPoP", f.proof(t, "GET", "https://evil.example/orders", ""))
	if w := serve(guarded, r); w.Code != 401 {
		t.Errorf("proof for the host of the fields: got status %d, want 401", w.Code)
	}
}

// Modes of a rule do not waive a proof, and anonymous requests stay anonymous.
func TestDPoPModes(t *testing.T) {
	f := newBoundFixture(t, nil, dpop.Options{}, nil)
	handler := func(rule scopes.Rule) http.Handler {
		return f.guard.Require(rule)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if claims, ok := bearer.FromContext(r.Context()); ok {
				w.Header().Set("Bound-To", claims.BoundTo("jkt"))
			}
		}))
	}
	good := func() string { return f.proof(t, "GET", "https://api.example/", "") }
	noScope := f.issuer.Token(map[string]any{"cnf": map[string]any{"jkt": f.client.Thumbprint()}})
	for name, test := range map[string]struct {
		rule          scopes.Rule
		authorization string
		proofs        []string
		want          int
	}{
		"optional, proof without a token": {scopes.Optional(scopes.All("a")), "", []string{good()}, 200},
		"optional, no proof":              {scopes.Optional(scopes.All("a")), "DPoP " + f.bound, nil, 401},
		"optional, downgrade":             {scopes.Optional(scopes.All("a")), "Bearer " + f.bound, []string{good()}, 401},
		"report only, downgrade":          {scopes.ReportOnly(scopes.All("a")), "Bearer " + f.bound, []string{good()}, 401},
		"report only, no proof":           {scopes.ReportOnly(scopes.All("a")), "DPoP " + noScope, nil, 401},
		"public":                          {scopes.Public(), "DPoP " + f.bound, nil, 200},
		"good":                            {scopes.All("a"), "DPoP " + f.bound, []string{good()}, 200},
	} {
		w := get(handler(test.rule), "/", test.authorization, test.proofs...)
		if w.Code != test.want {
			t.Errorf("%s: got status %d (%s), want %d", name, w.Code, w.Body, test.want)
		}
		if name == "good" && w.Header().Get("Bound-To") != f.client.Thumbprint() {
			t.Errorf("got BoundTo %q, want the thumbprint of the client's key", w.Header().Get("Bound-To"))
		}
	}
}

// Where the guard takes the token away, it takes the proof away too.
func TestDPoPIsRemoved(t *testing.T) {
	f := newBoundFixture(t, &middleware.Options{RemoveAuthorization: true}, dpop.Options{}, nil)
	var seen http.Header
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	defer target.Close()
	at, err := url.Parse(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{
		"handler": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }),
		"proxy":   f.guard.Proxy(at),
	} {
		seen = nil
		w := get(f.guard.Require(scopes.All("a"))(handler), "/", "DPoP "+f.bound, f.proof(t, "GET", "https://api.example/", ""))
		if w.Code != 200 || seen == nil || seen["Authorization"] != nil || seen["Dpop"] != nil {
			t.Errorf("%s: got status %d and fields %v, want 200 and neither Authorization nor DPoP", name, w.Code, seen)
		}
	}
	kept := newBoundFixture(t, nil, dpop.Options{SkipReplays: true}, nil)
	proof := kept.proof(t, "GET", "https://api.example/", "")
	for range 2 { // the proof is not used up
		w := get(kept.guard.Require(scopes.All("a"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header })), "/", "DPoP "+kept.bound, proof)
		if w.Code != 200 || !slices.Equal(seen["Dpop"], []string{proof}) {
			t.Errorf("check only: got status %d and DPoP %q, want 200 and the proof", w.Code, seen["Dpop"])
		}
	}
}

// TestDPoPReplay sends a proof twice. The second refusal tells an honest client why, so that it can
// send a new proof.
func TestDPoPReplay(t *testing.T) {
	f := newBoundFixture(t, nil, dpop.Options{}, nil)
	handler := f.guard.Require(scopes.All("a"))(f.guard.Require(scopes.All("a"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	proof := f.proof(t, "GET", "https://api.example/", "")
	if w := get(handler, "/", "DPoP "+f.bound, proof); w.Code != 200 {
		t.Errorf("two guards: got status %d (%s), want 200", w.Code, w.Body)
	}
	w := get(handler, "/", "DPoP "+f.bound, proof)
	if w.Code != 401 || !strings.Contains(w.Body.String(), "The DPoP proof was used before") {
		t.Errorf("replay: got status %d and body %s, want 401 and the cause", w.Code, w.Body)
	}
}

// TestDPoPMetadata compares the metadata of the resource with the configuration (RFC 9728, section 2).
func TestDPoPMetadata(t *testing.T) {
	const resource = "https://api.example"
	opts := &middleware.Options{Resource: resource}
	audience := func(cfg *bearer.Config) { cfg.Audience = append(cfg.Audience, resource) }
	for name, test := range map[string]struct {
		adjust   func(*bearer.Config)
		algs     bool
		required bool
	}{
		"both":     {audience, true, false},
		"required": {func(cfg *bearer.Config) { audience(cfg); cfg.RequireBound = true }, true, true},
		"none":     {func(cfg *bearer.Config) { audience(cfg); cfg.Bindings = nil }, false, false},
	} {
		f := newBoundFixture(t, opts, dpop.Options{}, test.adjust)
		_, handler := f.guard.Metadata()
		w := get(handler, "/.well-known/oauth-protected-resource", "")
		var document struct {
			Algs     []string `json:"dpop_signing_alg_values_supported"`
			Required bool     `json:"dpop_bound_access_tokens_required"`
			Methods  []string `json:"bearer_methods_supported"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		if (len(document.Algs) > 0) != test.algs || document.Required != test.required {
			t.Errorf("%s: got metadata %s, want algorithms: %t, required: %t", name, w.Body, test.algs, test.required)
		}
		if test.algs && `, algs="`+strings.Join(document.Algs, " ")+`"` != algs {
			t.Errorf("%s: got algorithms %q, want those of the challenge", name, document.Algs)
		}
	}
}

// A proxy describes the request of the client to ForwardAuth, and the proof must be for this request.
func TestDPoPForwardAuth(t *testing.T) {
	f := newBoundFixture(t, nil, dpop.Options{}, nil)
	var rules scopes.Table
	rules.Handle("GET /orders", scopes.All("a"))
	handler := f.guard.ForwardAuth(&rules)
	ask := func(method, uri, proof string) int {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/auth", http.NoBody)
		r.Header.Set("X-Forwarded-Method", method)
		r.Header.Set("X-Forwarded-Uri", uri)
		r.Header.Set("X-Forwarded-Host", "api.example")
		r.Header.Set("Authorization", "DPoP "+f.bound)
		r.Header.Set("DPoP", proof)
		return serve(handler, r).Code
	}
	if got := ask("GET", "/orders?x=1", f.proof(t, "GET", "https://api.example/orders", "")); got != 204 {
		t.Errorf("got status %d, want 204", got)
	}
	if got := ask("GET", "/orders", f.proof(t, "GET", "https://api.example/auth", "")); got != 401 {
		t.Errorf("proof for the address of the guard: got status %d, want 401", got)
	}
	if got := ask("GET", "/orders", f.proof(t, "POST", "https://api.example/orders", "")); got != 401 {
		t.Errorf("proof for a different method: got status %d, want 401", got)
	}
}
