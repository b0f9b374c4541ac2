package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// reasons lists all reasons. Each row contains the status and the error code of the answer.
// The code is "" if RFC 6750, section 3.1 defines no code for the reason.
var reasons = []struct {
	reason bearer.Reason
	status int
	code   string
}{
	{bearer.InvalidRequest, 400, "invalid_request"},
	{bearer.NoToken, 401, ""},
	{bearer.Malformed, 401, "invalid_token"},
	{bearer.WrongIssuer, 401, "invalid_token"},
	{bearer.WrongAlgorithm, 401, "invalid_token"},
	{bearer.UnknownKey, 401, "invalid_token"},
	{bearer.BadSignature, 401, "invalid_token"},
	{bearer.WrongType, 401, "invalid_token"},
	{bearer.Expired, 401, "invalid_token"},
	{bearer.NotYetValid, 401, "invalid_token"},
	{bearer.WrongAudience, 401, "invalid_token"},
	{bearer.InvalidClaims, 401, "invalid_token"},
	{bearer.WrongBinding, 401, "invalid_token"},
	{bearer.InvalidCustom, 401, "invalid_token"},
	{bearer.Revoked, 401, "invalid_token"},
	{bearer.MissingScope, 403, "insufficient_scope"},
	{bearer.KeysUnavailable, 503, ""},
	{bearer.KeyNotAsked, 503, ""},
	{bearer.Internal, 500, ""},
}

// param matches one auth-param (RFC 9110, section 11.2) with the characters that RFC 6750,
// section 3 allows in its value.
var param = regexp.MustCompile(`^([a-z_]+)="([\x20\x21\x23-\x5B\x5D-\x7E]*)"(?:, |$)`)

// challenge parses a WWW-Authenticate value without using the tested package. The result
// "repeated" is true if a parameter appears more than once.
func challenge(t *testing.T, value string) (params map[string]string, repeated bool) {
	t.Helper()
	rest, ok := strings.CutPrefix(value, "Bearer ")
	if !ok {
		t.Errorf("got challenge %q, want a challenge that begins with \"Bearer \"", value)
	}
	params = make(map[string]string)
	for rest != "" {
		m := param.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("got challenge %q, want a parameter at %q", value, rest)
		}
		_, found := params[m[1]]
		repeated = repeated || found
		params[m[1]] = m[2]
		rest = rest[len(m[0]):]
	}
	return params, repeated
}

// refusals calls the function "check" once for each combination of a reason and an Options
// value, and once for each Options value and a request without a rule. The argument "w" contains the answer of a guard that has these options and refuses
// a request for this reason.
func refusals(t *checklist.T, check func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, status int, code string)) {
	t.Helper()
	for name, opts := range map[string]*middleware.Options{
		"no options":           nil,
		"a realm":              {Realm: "deployments, of \x27all\x27 kinds"},
		"metadata":             {ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource"},
		"realm and metadata":   {Realm: "x", ResourceMetadata: "https://api.example/m?a=b,c"},
		"an exposed challenge": {ExposeChallenge: true},
	} {
		for _, row := range reasons {
			err := &bearer.Error{Reason: row.reason, Missing: []string{"read:things", "a!#$%&'()*+,-./:;<=>?@[]^_`{|}~"}, Err: errors.New("because of \"x\"\r\nX-Evil: 1")}
			guard := refuser(t.T, err, opts)
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("Authorization", "Bearer x")
			check(name, row.reason, serve(guard.Require(scopes.All("read:things"))(unreachable(t.T)), r), row.status, row.code)
		}
		noRule := refuser(t.T, &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"read:things"}, Err: scopes.ErrNoRule}, opts)
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer x")
		check(name+", no rule", bearer.MissingScope, serve(noRule.Require(scopes.Rule{})(unreachable(t.T)), r), http.StatusForbidden, "")
	}
}

// TestRules tests the guard against the rules of the checklist that concern only HTTP.
func TestRules(t *testing.T) {
	checklist.Test(t, "B06", func(t *checklist.T) {
		refusals(t, func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, status int, _ string) {
			t.Want(name+", "+string(reason)+": has a challenge", w.Header().Get("WWW-Authenticate") != "", status < 500)
		})
	})
	checklist.Test(t, "B07", func(t *checklist.T) {
		refusals(t, func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, status int, _ string) {
			values := w.Header().Values("WWW-Authenticate")
			if status >= 500 {
				t.Want(name+", "+string(reason)+": challenges", len(values), 0)
				return
			}
			t.Want(name+", "+string(reason)+": challenges", len(values), 1)
			params, _ := challenge(t.T, values[0])
			_, realm := params["realm"]
			_, metadata := params["resource_metadata"]
			t.Want(name+", "+string(reason)+": has a realm or metadata", realm || metadata, true)
		})
	})
	for _, id := range []string{"B08", "B13"} {
		checklist.Test(t, id, func(t *checklist.T) {
			_, repeated := challenge(t.T, `Bearer realm="a", error="b", error="c"`)
			t.Want("challenge finds a repeated parameter", repeated, true)
			refusals(t, func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, status int, code string) {
				if status >= 500 {
					return
				}
				params, repeated := challenge(t.T, w.Header().Get("WWW-Authenticate"))
				t.Want(name+", "+string(reason)+": repeats a parameter", repeated, false)
				t.Want(name+", "+string(reason)+": error", params["error"], code)
			})
		})
	}
	for _, id := range []string{"B10", "B12", "B15"} {
		checklist.Test(t, id, func(t *checklist.T) {
			refusals(t, func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, status int, code string) {
				t.Want(name+", "+string(reason)+": status", w.Code, status)
				if status >= 500 {
					return
				}
				params, _ := challenge(t.T, w.Header().Get("WWW-Authenticate")) // fails the test if a value is not a quoted string
				t.Want(name+", "+string(reason)+": error", params["error"], code)
				t.Want(name+", "+string(reason)+": has a description", params["error_description"] != "", code != "")
			})
		})
	}
	testCharacters(t)
	testOtherPlaces(t)
}

// testCharacters checks that response fields contain only allowed characters, even if
// options, scopes, claims or errors contain other characters.
func testCharacters(t *testing.T) {
	t.Helper()
	checklist.Test(t, "B09", func(t *checklist.T) {
		for realm, want := range map[string]bool{
			"api": true, "with spaces": true, `qu"ote`: false, `back\slash`: false, "line\nfeed": false, "é": false, "\x7f": false, "tab\t": false,
		} {
			_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Realm: realm})
			t.Want(fmt.Sprintf("realm %q", realm), err == nil, want)
		}
		for url, want := range map[string]bool{
			"https://api.example/m": true, "http://127.0.0.1/m": true, "": true, "https://api.example/\x7f": false, "/m": false, "api.example/m": false, "https:///m": false,
			"ftp://api.example/m": false, `https://api.example/"`: false, `https://api.example/\`: false, "https://api.example/\u00e9": false, "https://a b.example/": false,
		} {
			_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{ResourceMetadata: url})
			t.Want(fmt.Sprintf("metadata at %q", url), err == nil, want)
		}
		_, err := middleware.New(structured{}, nil)
		t.Want("a verifier that is not a pointer", err == nil, true)
		_, err = middleware.New(bearer.VerifierFunc(nil), nil)
		t.Want("no verifier", err == nil, false)
		for _, scope := range []string{`a"b`, `a\b`, "a b", "a\r\nb", "é", ""} {
			rule := scopes.All(scope)
			t.Want(fmt.Sprintf("scope %q in a rule", scope), rule.Err() == nil, false)
			guard, w, r := refuser(t.T, nil, nil), httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			_, err := guard.Check(r, rule)
			guard.Deny(w, r, err)
			if value := w.Header().Get("WWW-Authenticate"); value != "" {
				challenge(t.T, value)
			}
		}
		b := newFixture(t.T, nil)
		for _, text := range []string{`x", error="none`, "x\r\nX-Evil: 1", "é\\", "\x00"} {
			for _, claim := range []string{"sub", "scope", "client_id", "jti"} {
				r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
				r.Header.Set("Authorization", "Bearer "+b.issuer.Token(map[string]any{"aud": "deployment-api", claim: text}))
				w := serve(b.guard.Require(scopes.All("read"))(unreachable(t.T)), r)
				params, _ := challenge(t.T, w.Header().Get("WWW-Authenticate"))
				for name, value := range params {
					if strings.Contains(value, "Evil") || strings.Contains(value, "none") {
						t.Errorf("got %s=%q, want no part of the token", name, value)
					}
				}
				t.Want("fields injected by a claim", len(w.Header().Values("X-Evil")), 0)
			}
		}
		refusals(t, func(name string, reason bearer.Reason, w *httptest.ResponseRecorder, _ int, _ string) {
			t.Want(name+", "+string(reason)+": fields injected by an error", len(w.Header().Values("X-Evil")), 0)
			for field, values := range w.Header() {
				if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
					t.Errorf("got a line break in %s, want no line break", field)
				}
			}
		})
	})
}

// structured is a verifier that is not a pointer.
type structured struct{ _ string }

// Verify refuses every token.
func (structured) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	return refuseAll(ctx, token)
}

// refuseAll is the Verify function of a verifier that refuses every token.
func refuseAll(context.Context, string) (*bearer.Claims, error) { return nil, bearer.UnknownKey }

// unreadable is a request body that fails the test if it is read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("got a read of the body, want no read")
	return 0, io.EOF
}

func (u unreadable) Close() error { return nil }

// testOtherPlaces sends tokens outside of the Authorization field. The guard must ignore
// these tokens.
func testOtherPlaces(t *testing.T) {
	t.Helper()
	b := newFixture(t, nil)
	h := b.guard.Require(scopes.All())(http.HandlerFunc(writeCaller))
	token := b.token("")
	status := func(change func(*http.Request)) int {
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		change(r)
		w := serve(h, r)
		if w.Code == http.StatusUnauthorized && strings.Contains(w.Header().Get("WWW-Authenticate"), "error") {
			t.Errorf("got challenge %q, want the challenge for a request without a token", w.Header().Get("WWW-Authenticate"))
		}
		return w.Code
	}
	field := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = []string{value} }
	}
	header := field("Authorization", "Bearer "+token)
	query := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = name + "=" + token }
	}
	checklist.Test(t, "B04", func(t *checklist.T) {
		t.Want("in the header", status(header), 200)
		t.Want("in a form", status(func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = unreadable{t.T}, int64(len("access_token=")+len(token))
		}), 401)
		t.Want("in a multipart form", status(func(r *http.Request) {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			r.Body, r.ContentLength = unreadable{t.T}, -1
		}), 401)
		t.Want("in a parsed form", status(func(r *http.Request) { r.PostForm = map[string][]string{"access_token": {token}} }), 401)
	})
	for _, id := range []string{"B05", "Z06"} {
		checklist.Test(t, id, func(t *checklist.T) {
			t.Want("in the header", status(header), 200)
			for _, name := range []string{"access_token", "token", "bearer", "bearer_token", "authorization"} {
				t.Want("in the query as "+name, status(query(name)), 401)
			}
			t.Want("in the user info", status(func(r *http.Request) { r.SetBasicAuth("", token) }), 401)
			t.Want("in the path", status(func(r *http.Request) { r.URL.Path = "/" + token }), 401)
		})
	}
	checklist.Test(t, "B14", func(t *checklist.T) {
		t.Want("in the header", status(header), 200)
		for _, name := range []string{"access_token", "token", "Authorization", "__Host-token"} {
			t.Want("in cookie "+name, status(func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: token}) }), 401) //nolint:gosec // the cookie of a client
		}
	})
	checklist.Test(t, "Z04", func(t *checklist.T) {
		t.Want("in the header", status(header), 200)
		for _, name := range []string{
			"X-Forwarded-Authorization", "Proxy-Authorization", "X-Authorization", "Authorization_", "X-Access-Token", "X-Forwarded-Access-Token",
			"Grpc-Metadata-Authorization", "X-Original-Authorization", "X-Subject", "X-Forwarded-User", "Client-Cert",
		} {
			t.Want("in "+name, status(field(name, "Bearer "+token)), 401)
		}
		t.Want("in a trailer", status(func(r *http.Request) { r.Trailer = http.Header{"Authorization": {"Bearer " + token}} }), 401)
		forwarding := newFixture(t.T, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-Subject": (*bearer.Claims).Subject}})
		for _, name := range []string{"X-Subject", "X_Subject", "x-subject"} {
			r := forwarding.request(http.MethodGet, "/", "")
			r.Header[name] = []string{"admin"}
			var got []string
			w := serve(forwarding.guard.Require(scopes.All())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				for field, values := range r.Header {
					if strings.EqualFold(strings.ReplaceAll(field, "_", "-"), "X-Subject") {
						got = append(got, values...)
					}
				}
			})), r)
			t.Want("status with "+name, w.Code, 200)
			t.Want(name+": the handler gets the client's value", strings.Contains(strings.Join(got, " "), "admin"), false)
		}
	})
}
