package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestDeny(t *testing.T) {
	for _, row := range []struct {
		name              string
		err               error
		status            int
		challenge, retry  string
		contains, without string
	}{
		{"keys unavailable", &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 1500 * time.Millisecond, Err: errors.New("secret")}, 503, "", "2", `"temporarily_unavailable"`, "secret"},
		{"keys unavailable, no time to wait", bearer.KeysUnavailable, 503, "", "5", `"temporarily_unavailable"`, "secret"},
		{"internal error", &bearer.Error{Reason: bearer.Internal, Err: errors.New("secret")}, 500, "", "", `"server_error"`, "secret"},
		{"error without a reason", errors.New("secret"), 500, "", "", `"server_error"`, "secret"},
		{"error text with quotes and line breaks", &bearer.Error{Reason: bearer.WrongIssuer, Err: errors.New("\"\r\nSet-Cookie: secret")}, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, "", `"invalid_token"`, "secret"},
		{"invalid scopes", &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "secret\"", "secret\r\nX: y", "sécret", "secret x", "", "b"}}, 403, `Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="a b"`, "", `"scope":"a b"`, "secret"},
		{"wrapped reason", fmt.Errorf("wrapped: %w", bearer.Revoked), 401, `Bearer realm="api", error="invalid_token", error_description="The access token was revoked"`, "", `"invalid_token"`, "wrapped"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer x")
		w := serve(refuser(t, row.err, nil).Require(scopes.All("x"))(unreachable(t)), r)
		if w.Code != row.status || w.Header().Get("WWW-Authenticate") != row.challenge || w.Header().Get("Retry-After") != row.retry {
			t.Errorf("%s: got status %d and the header %v, want status %d, the challenge %q and Retry-After %q", row.name, w.Code, w.Header(), row.status, row.challenge, row.retry)
		}
		if all := fmt.Sprint(w.Header(), w.Body); !strings.Contains(all, row.contains) || strings.Contains(all, row.without) {
			t.Errorf("%s: got %s, want a response with %s and without %s", row.name, all, row.contains, row.without)
		}
	}
}

// TestDenyForeignError checks that Deny accepts errors that did not come from Check.
func TestDenyForeignError(t *testing.T) {
	b := newFixture(t, nil)
	for err, want := range map[error]int{
		errors.New("x"): 500, error(nil): 500, (*bearer.Error)(nil): 500, &bearer.Error{Reason: bearer.MissingScope}: 403,
		&bearer.Error{}: 500, &bearer.Error{Reason: "made up"}: 500,
	} {
		w := httptest.NewRecorder()
		b.guard.Deny(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), err)
		if w.Code != want {
			t.Errorf("%v: got status %d, want status %d", err, w.Code, want)
		}
	}
}

// TestDenyForeignScopes checks that Deny sends only the valid scopes in an error that did
// not come from Check.
func TestDenyForeignScopes(t *testing.T) {
	b := newFixture(t, nil)
	w := httptest.NewRecorder()
	b.guard.Deny(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "no\"", "no\\", "no\r\nX: y", "nó", "no no", "", "b"}})
	if got := w.Header().Get("WWW-Authenticate"); !strings.HasSuffix(got, `, scope="a b"`) || !strings.Contains(w.Body.String(), `"scope":"a b"`) {
		t.Errorf("got the challenge %q and the body %q, want only the scopes a and b in both", got, w.Body)
	}
}

func TestDenyHead(t *testing.T) {
	b := newFixture(t, nil)
	w := serve(b.guard.Require(scopes.All())(unreachable(t)), httptest.NewRequest(http.MethodHead, "/", http.NoBody))
	if w.Code != http.StatusUnauthorized || w.Body.Len() != 0 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("got status %d, header %v and body %q, want status 401, a header with a challenge and no body", w.Code, w.Header(), w.Body)
	}
}

func TestOptionsBody(t *testing.T) {
	var got middleware.Refusal
	b := newFixture(t, &middleware.Options{Body: func(_ *http.Request, refusal middleware.Refusal) (string, []byte) {
		got = refusal
		return "text/plain", []byte("no")
	}})
	w := serve(b.guard.Require(scopes.All("a", "b"))(unreachable(t)), b.request(http.MethodGet, "/", "b"))
	if w.Code != http.StatusForbidden || w.Body.String() != "no" || w.Header().Get("Content-Type") != "text/plain" || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("got status %d, header %v and body %q, want status 403, a header with a challenge and the text/plain body of Options.Body", w.Code, w.Header(), w.Body)
	}
	if got.Status != http.StatusForbidden || got.Error != "insufficient_scope" || got.Description == "" || !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got %+v in Options.Body, want a Refusal with status 403 and the required scopes a and b", got)
	}
}

// TestOptionsBodyPanics checks that the guard writes nothing before it calls Options.Body. If
// Options.Body panics, middleware that recovers the panic can then write an answer.
func TestOptionsBodyPanics(t *testing.T) {
	b := newFixture(t, &middleware.Options{Body: func(*http.Request, middleware.Refusal) (string, []byte) { panic("x") }})
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != "x" || len(w.Header()) != 0 || w.Body.Len() != 0 {
			t.Errorf("got panic %v with header %v and body %q, want panic x, no header and no body", p, w.Header(), w.Body)
		}
	}()
	b.guard.Require(scopes.All())(unreachable(t)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
}

// TestDenyReplacesHeaders checks the fields that middleware before the guard has set. Deny
// must remove Content-Length, replace Cache-Control, and add a value to
// Access-Control-Expose-Headers.
func TestDenyReplacesHeaders(t *testing.T) {
	b := newFixture(t, &middleware.Options{ExposeChallenge: true})
	h := b.guard.Require(scopes.All())(unreachable(t))
	w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Access-Control-Expose-Headers", "ETag")
		h.ServeHTTP(w, r)
	}), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if w.Header().Get("Content-Length") != "" || w.Header().Get("Cache-Control") != "no-store" || strings.Join(w.Header().Values("Access-Control-Expose-Headers"), " ") != "ETag WWW-Authenticate" {
		t.Errorf("got %v, want no Content-Length, Cache-Control no-store, and both exposed fields", w.Header())
	}
}
