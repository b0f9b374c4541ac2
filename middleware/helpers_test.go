package middleware_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
)

// fixture contains an issuer, a guard for its tokens, and the events of the guard.
type fixture struct {
	issuer *bearertest.Issuer
	guard  *middleware.Guard
	events *testkit.Recorder
}

func newFixture(tb testing.TB, opts *middleware.Options) *fixture {
	tb.Helper()
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	tb.Cleanup(issuer.Close)
	events := new(testkit.Recorder)
	guard, err := middleware.New(routertest.Verifier(tb, issuer, events), opts)
	if err != nil {
		tb.Fatal(err)
	}
	return &fixture{issuer, guard, events}
}

// token returns a valid token with these scopes.
func (b *fixture) token(scope string) string { return routertest.Token(b.issuer, scope) }

// request returns a request with a valid token that has these scopes.
func (b *fixture) request(method, target, scope string) *http.Request {
	r := httptest.NewRequest(method, target, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+b.token(scope))
	return r
}

// refuser returns a guard whose verifier refuses every token with err.
func refuser(t *testing.T, err error, opts *middleware.Options) *middleware.Guard {
	t.Helper()
	guard, newErr := middleware.New(testkit.Refuse(err), opts)
	if newErr != nil {
		t.Fatal(newErr)
	}
	return guard
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// writeCaller is a handler that answers 200 with the client ID of the caller.
func writeCaller(w http.ResponseWriter, r *http.Request) {
	claims, _ := bearer.FromContext(r.Context())
	routertest.WriteAnswer(w, "ok", "", claims)
}

// unreachable returns a handler that fails the test if it is called.
func unreachable(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the handler was called for %s %s, want a refusal", r.Method, r.URL)
	})
}

// reply is a response whose body has been read.
type reply struct {
	status int
	header http.Header
	body   string
}

func fetch(t *testing.T, client *http.Client, r *http.Request) reply {
	t.Helper()
	r.RequestURI = ""
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, response.Body); err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, body.String()}
}
