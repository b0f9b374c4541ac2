package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// issuerAndGuard returns an issuer and a guard for its tokens.
func issuerAndGuard(t *testing.T, opts *middleware.Options) (*bearertest.Issuer, *middleware.Guard) {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	guard, err := middleware.New(testkit.NewVerifier(t, issuer, nil), opts)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, guard
}

// whoami is a handler that answers with the client ID of the caller, or with "anonymous".
func whoami(w http.ResponseWriter, r *http.Request) {
	claims, ok := bearer.FromContext(r.Context())
	if !ok {
		_, _ = io.WriteString(w, "anonymous")
		return
	}
	_, _ = io.WriteString(w, claims.ClientID())
}

// responseOf sends one request to the handler and returns the response.
func responseOf(h http.Handler, method, target string, values ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if len(values) > 0 {
		r.Header["Authorization"] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestAnswers checks the status, the challenge and the body for each reason.
func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		err               error
		status            int
		challenge, retry  string
		code, description string
	}{
		{bearer.InvalidRequest, 400, `Bearer realm="api", error="invalid_request", error_description="The request must carry exactly one bearer token"`, "", "invalid_request", "The request must carry exactly one bearer token"},
		{bearer.NoToken, 401, `Bearer realm="api"`, "", "unauthorized", "An access token is required"},
		{bearer.Malformed, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, "", "invalid_token", "The access token is invalid"},
		{bearer.Expired, 401, `Bearer realm="api", error="invalid_token", error_description="The access token expired"`, "", "invalid_token", "The access token expired"},
		{bearer.BadSignature, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, "", "invalid_token", "The access token is invalid"},
		{bearer.UnknownKey, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, "", "invalid_token", "The access token is invalid"},
		{bearer.WrongAudience, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is not meant for this resource"`, "", "invalid_token", "The access token is not meant for this resource"},
		{bearer.Revoked, 401, `Bearer realm="api", error="invalid_token", error_description="The access token was revoked"`, "", "invalid_token", "The access token was revoked"},
		{&bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b"}}, 403, `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="a b"`, "", "insufficient_scope", "The access token does not allow this"},
		{bearer.MissingScope, 403, `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this"`, "", "insufficient_scope", "The access token does not allow this"},
		{bearer.KeysUnavailable, 503, "", "5", "temporarily_unavailable", "Access tokens cannot be verified at the moment"},
		{&bearer.Error{Reason: bearer.KeyNotAsked, RetryAfter: 9 * time.Second}, 503, "", "9", "temporarily_unavailable", "The key of the access token is not known yet"},
		{&bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 1500 * time.Millisecond}, 503, "", "2", "temporarily_unavailable", "Access tokens cannot be verified at the moment"},
		{bearer.Internal, 500, "", "", "server_error", "Internal error"},
		{errors.New("secret detail"), 500, "", "", "server_error", "Internal error"},
	} {
		guard, err := middleware.New(testkit.Refuse(row.err), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp := responseOf(guard.Require(scopes.All())(http.HandlerFunc(whoami)), "GET", "/", "Bearer x")
		if resp.Code != row.status {
			t.Errorf("%v: got status %d, want status %d", row.err, resp.Code, row.status)
		}
		if got := resp.Header().Get("WWW-Authenticate"); got != row.challenge {
			t.Errorf("%v: got challenge\n%s, want\n%s", row.err, got, row.challenge)
		}
		if got := resp.Header().Get("Retry-After"); got != row.retry {
			t.Errorf("%v: got Retry-After %q, want Retry-After %q", row.err, got, row.retry)
		}
		if want := `{"error":"` + row.code + `","error_description":"` + row.description + "\""; !strings.HasPrefix(resp.Body.String(), want) {
			t.Errorf("%v: got body %s, want %s", row.err, resp.Body, want)
		}
		if got := resp.Header().Get("Content-Type") + " " + resp.Header().Get("Cache-Control"); got != "application/json no-store" {
			t.Errorf("%v: got Content-Type and Cache-Control %q, want \"application/json no-store\"", row.err, got)
		}
	}
}

// TestListener checks the answers to requests over a connection.
func TestListener(t *testing.T) {
	issuer, guard := issuerAndGuard(t, nil)
	mux := http.NewServeMux()
	mux.Handle("POST /deployments", guard.Require(scopes.All("deploy"))(http.HandlerFunc(whoami)))
	mux.Handle("GET /norule", guard.Require(scopes.Rule{})(http.HandlerFunc(whoami)))
	mux.Handle("GET /public", guard.Require(scopes.Public())(http.HandlerFunc(whoami)))
	server := httptest.NewServer(mux)
	defer server.Close()
	valid := issuer.Token(map[string]any{"client_id": "ci", "scope": "deploy"})
	for _, row := range []struct {
		name, method, path string
		values             []string
		status             int
		want               string // part of the body or the challenge
	}{
		{"valid token", "POST", "/deployments", []string{"Bearer " + valid}, 200, "ci"},
		{"scheme in lower case, with spaces", "POST", "/deployments", []string{"bearer   " + valid + "  "}, 200, "ci"},
		{"no token", "POST", "/deployments", nil, 401, `Bearer realm="api"`},
		{"Basic credentials", "POST", "/deployments", []string{"Basic dXNlcjpwYXNz"}, 401, `Bearer realm="api"`},
		{"two Authorization fields", "POST", "/deployments", []string{"Bearer " + valid, "Bearer " + valid}, 400, "invalid_request"},
		{"list of tokens in one field", "POST", "/deployments", []string{"Bearer " + valid + ", Bearer " + valid}, 400, "invalid_request"},
		{"tab after the scheme", "POST", "/deployments", []string{"Bearer\t" + valid}, 400, "invalid_request"},
		{"token in the query", "POST", "/deployments?access_token=" + valid, nil, 401, `Bearer realm="api"`},
		{"token that is not a JWT", "POST", "/deployments", []string{"Bearer garbage"}, 401, "The access token is invalid"},
		{"token of 64 KiB", "POST", "/deployments", []string{"Bearer " + strings.Repeat("a", 64<<10)}, 401, "invalid_token"},
		{"expired token", "POST", "/deployments", []string{"Bearer " + issuer.Token(map[string]any{"exp": 1})}, 401, "expired"},
		{"missing scope", "POST", "/deployments", []string{"Bearer " + issuer.Token(nil)}, 403, `scope="deploy"`},
		{"route without a rule", "GET", "/norule", []string{"Bearer " + valid}, 403, `"error":"forbidden"`},
		{"route without a rule, no token", "GET", "/norule", nil, 401, `Bearer realm="api"`},
		{"public route, no token", "GET", "/public", nil, 200, "anonymous"},
		{"public route, invalid token", "GET", "/public", []string{"Bearer garbage"}, 200, "anonymous"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), row.method, server.URL+row.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range row.values {
				r.Header.Add("Authorization", value)
			}
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			text := string(body) + resp.Header.Get("WWW-Authenticate")
			if resp.StatusCode != row.status || !strings.Contains(text, row.want) {
				t.Errorf("got status %d and the response %s, want status %d and a response that contains %s", resp.StatusCode, text, row.status, row.want)
			}
			if strings.Contains(text, valid) {
				t.Error("got the token in the answer, want an answer without the token")
			}
		})
	}
}

// TestKeysUnavailable checks that the guard refuses every token with 503 if there are no
// keys. The mode of the rule does not matter.
func TestKeysUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := testkit.NewIssuer(t, "EdDSA")
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		guard, err := middleware.New(testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = keys }), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, rule := range map[string]scopes.Rule{"any token": scopes.All(), "optional": scopes.Optional(scopes.All()), "report only": scopes.ReportOnly(scopes.All("x"))} {
			resp := responseOf(guard.Require(rule)(http.HandlerFunc(whoami)), "GET", "/", "Bearer "+issuer.Token(nil))
			if resp.Code != http.StatusServiceUnavailable || resp.Header().Get("Retry-After") == "" || resp.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("%s: got status %d and the header %v, want status 503 and Retry-After", name, resp.Code, resp.Header())
			}
		}
	})
}

// TestEnforce checks the answers of a mux with Enforce. It also checks that the guard
// copies the Pattern of the mux to the outer request.
func TestEnforce(t *testing.T) {
	issuer, guard := issuerAndGuard(t, nil)
	var rules scopes.Table
	rules.Handle("/public/", scopes.Public())
	rules.Handle("GET /deployments/{id}", scopes.Any("read", "deploy"))
	rules.Handle("/", scopes.All("root"))
	mux := http.NewServeMux()
	mux.Handle("GET /deployments/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.PathValue("id")) //nolint:gosec // no browser renders it
	}))
	mux.Handle("/", http.HandlerFunc(whoami))
	var pattern string
	logged := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Enforce(&rules)(mux).ServeHTTP(w, r)
		pattern = r.Pattern
	})
	read := "Bearer " + issuer.Token(map[string]any{"scope": "read"})
	for _, row := range []struct {
		method, target, value string
		status                int
	}{
		{"GET", "/deployments/7", read, 200},
		{"GET", "/deployments/7", "", 401},
		{"POST", "/deployments/7", read, 403},
		{"GET", "/public/x", "", 200},
		{"GET", "/public/..%2fsecret", "", 401},
		{"GET", "/public/..%2fsecret", read, 403},
		{"GET", "/public/%2e%2e/secret", "", 401},
		{"GET", "/public//x", read, 403},
		{"GET", "/other", read, 403},
	} {
		resp := responseOf(logged, row.method, row.target, row.value)
		if resp.Code != row.status {
			t.Errorf("%s %s: got status %d, want status %d", row.method, row.target, resp.Code, row.status)
		}
		if row.target == "/deployments/7" && row.status == 200 && pattern != "GET /deployments/{id}" {
			t.Errorf("got pattern %q in the outer request, want GET /deployments/{id}", pattern)
		}
	}
	if resp := responseOf(guard.Enforce(nil)(mux), "GET", "/public/x", read); resp.Code != http.StatusForbidden {
		t.Errorf("no table: got status %d, want status 403", resp.Code)
	}
}

// TestCheck checks the result of Guard.Check, and that Check does not change the request.
func TestCheck(t *testing.T) {
	issuer, guard := issuerAndGuard(t, nil)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if got, err := guard.Check(r, scopes.All()); got != nil || !errors.Is(err, bearer.NoToken) {
		t.Errorf("without a token: got the request %v and the error %v, want no request and the reason %q", got, err, bearer.NoToken)
	}
	if got, err := guard.Check(r, scopes.Public()); got != r || err != nil {
		t.Errorf("public: got the request %v (error: %v), want the unchanged request", got, err)
	}
	r.Header.Set("Authorization", "Bearer "+issuer.Token(nil))
	got, err := guard.Check(r, scopes.All())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := bearer.FromContext(got.Context()); !ok {
		t.Error("got no claims in the context of the returned request, want claims")
	}
	if _, ok := bearer.FromContext(r.Context()); ok {
		t.Error("got claims in the context of the outer request, want no claims")
	}
}

func TestOptions(t *testing.T) {
	_, err := middleware.New(nil, &middleware.Options{Realm: "a\"b", ResourceMetadata: "relative"})
	if err == nil {
		t.Fatal("got no error, want an error")
	}
	for _, want := range []string{"verifier: nil", `Options.Realm: "a\"b"`, `Options.ResourceMetadata: "relative"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %s", err, want)
		}
	}
	if _, err := middleware.New((*bearer.JWTVerifier)(nil), nil); err == nil {
		t.Error("nil *JWTVerifier: got no error, want an error")
	}
	for want, opts := range map[string]*middleware.Options{
		`Bearer realm="deployments"`: {Realm: "deployments"},
		`Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource"`: {
			ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource",
		},
		`Bearer realm="x", resource_metadata="https://api.example/m"`: {Realm: "x", ResourceMetadata: "https://api.example/m"},
	} {
		_, guard := issuerAndGuard(t, opts)
		resp := responseOf(guard.Require(scopes.All())(http.HandlerFunc(whoami)), "GET", "/")
		if got := resp.Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("got challenge %s, want challenge %s", got, want)
		}
	}
}

// TestCheckInvalidRule checks that Check refuses a request with bearer.Internal if the rule
// is invalid. Require panics in this case. Check does not panic, because it runs while
// requests are served.
func TestCheckInvalidRule(t *testing.T) {
	issuer, guard := issuerAndGuard(t, nil)
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(nil))
	for _, rule := range []scopes.Rule{scopes.All(""), scopes.Any(), scopes.Optional(scopes.All("a b")), scopes.ReportOnly(scopes.All("")), scopes.Invalid(nil)} {
		_, err := guard.Check(r, rule)
		if !errors.Is(err, bearer.Internal) {
			t.Errorf("rule with the error %v: got error %v, want an error with the reason %q", rule.Err(), err, bearer.Internal)
		}
		w := httptest.NewRecorder()
		guard.Deny(w, r, err)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "answer_test.go") {
			t.Errorf("rule with the error %v: got status %d and body %s, want status 500 and a body without a source line", rule.Err(), w.Code, w.Body)
		}
	}
}
