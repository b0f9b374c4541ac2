package middleware_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
)

// TestRefusalIsWhatDenyWrites compares the result of Refusal with the answer that Deny
// writes, for several errors, requests and options.
func TestRefusalIsWhatDenyWrites(t *testing.T) {
	errs := map[string]error{
		"no token":               &bearer.Error{Reason: bearer.NoToken},
		"invalid request":        &bearer.Error{Reason: bearer.InvalidRequest},
		"expired token":          &bearer.Error{Reason: bearer.Expired, Err: errors.New("secret")},
		"missing scope":          &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b"}},
		"keys unavailable":       &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 90 * time.Second},
		"error without a reason": errors.New("secret"),
	}
	options := map[string]*middleware.Options{
		"no options":        nil,
		"exposed challenge": {ExposeChallenge: true, Realm: "x"},
		"metadata":          {ResourceMetadata: "https://api.example/m"},
		"a body":            {Body: func(*http.Request, middleware.Refusal) (string, []byte) { return "text/plain", []byte("no") }},
		"an empty body":     {Body: func(*http.Request, middleware.Refusal) (string, []byte) { return "text/plain", nil }},
		"a nil Body":        {Body: nil},
	}
	for option, opts := range options {
		guard := refuser(t, bearer.Internal, opts)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, accept := range []string{"", "application/problem+json"} {
				for name, err := range errs {
					r := httptest.NewRequest(method, "/", http.NoBody)
					r.Header.Set("Accept", accept)
					w := httptest.NewRecorder()
					guard.Deny(w, r, err)
					got := guard.Refusal(r, err)
					if got.Status != w.Code || !maps.EqualFunc(got.Header, w.Header(), slices.Equal) || string(got.Body) != w.Body.String() {
						t.Errorf("%s, %s, %s, %s: got %+v, want the answer of Deny, with status %d, header %v and body %q", option, method, accept, name, got, w.Code, w.Header(), w.Body)
					}
					if all := strings.Join(slices.Concat(slices.Collect(maps.Values(got.Header))...), " ") + string(got.Body) + got.Description; strings.Contains(all, "secret") {
						t.Errorf("%s, %s: got %q, want no text of the error", option, name, all)
					}
				}
			}
		}
	}
}

// TestRefusal checks all fields of one refusal.
func TestRefusal(t *testing.T) {
	guard := refuser(t, bearer.Internal, &middleware.Options{ExposeChallenge: true})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	got := guard.Refusal(r, &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b"}})
	if got.Status != http.StatusForbidden || got.Error != "insufficient_scope" || got.Description != "The access token does not allow this" || !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got %+v, want a Refusal with status 403 and the scopes a and b", got)
	}
	if want := `{"error":"insufficient_scope","error_description":"The access token does not allow this","reason":"scope","scope":"a b"}` + "\n"; string(got.Body) != want {
		t.Errorf("got body %q, want %q", got.Body, want)
	}
	want := http.Header{}
	for name, value := range map[string]string{
		"WWW-Authenticate":              `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="a b"`,
		"Access-Control-Expose-Headers": "WWW-Authenticate",
		"Content-Type":                  "application/json",
		"Cache-Control":                 "no-store",
		"X-Content-Type-Options":        "nosniff",
	} {
		want.Set(name, value)
	}
	if !maps.EqualFunc(got.Header, want, slices.Equal) {
		t.Errorf("got %v, want %v", got.Header, want)
	}
}

// TestRefusalsShareNoMemory checks that a change of one refusal does not change the next
// refusal for the same error. It also checks that Refusal does not change the request.
func TestRefusalsShareNoMemory(t *testing.T) {
	calls := 0
	guard := refuser(t, bearer.Internal, &middleware.Options{Body: func(_ *http.Request, refusal middleware.Refusal) (string, []byte) {
		calls++
		if refusal.Header != nil || refusal.Body != nil || refusal.Status != http.StatusUnauthorized {
			t.Errorf("got %+v in Options.Body, want status 401, no Header and no Body", refusal)
		}
		return "text/plain", []byte("no")
	}})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	before := r.Header.Clone()
	err := &bearer.Error{Reason: bearer.Expired}
	first := guard.Refusal(r, err)
	for name, values := range first.Header {
		values[0] = "changed"
		first.Header[name] = append(values, "more")
	}
	second := guard.Refusal(r, err)
	if got := second.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer ") || len(second.Header) != len(first.Header) {
		t.Errorf("got %v after a change of the first refusal, want the header that the first refusal had before the change", second.Header)
	}
	if calls != 2 {
		t.Errorf("got %d calls of Body for 2 refusals, want 2", calls)
	}
	if !maps.EqualFunc(r.Header, before, slices.Equal) {
		t.Errorf("got the request's header %v, want no change", r.Header)
	}
}
