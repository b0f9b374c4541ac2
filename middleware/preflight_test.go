package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// preflightHandlers returns guarded handlers that answer 204 to OPTIONS, and the body to
// other methods.
func preflightHandlers(t *testing.T) (*fixture, map[string]http.Handler) {
	t.Helper()
	b := newFixture(t, &middleware.Options{AllowPreflight: true})
	return b, guarded(b.guard, scopes.All("x"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Method == http.MethodOptions && len(body) == 0 && err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %q %v", r.Method, body, err) //nolint:gosec // no browser renders it
	}))
}

// TestPreflightBodyHTTP1 checks that a preflight request may have an empty body, whatever
// framing the client uses in HTTP/1.1.
func TestPreflightBodyHTTP1(t *testing.T) {
	const head = "OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\n"
	b, handlers := preflightHandlers(t)
	for way, h := range handlers {
		front := address(t, h)
		for _, row := range []struct {
			request string
			want    int
		}{
			{head + "\r\n", 204},
			{head + "Content-Length: 0\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\n\r\n0;ext=1\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\n\r\n000\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 401},
			{head + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n1\r\nx\r\n0\r\n\r\n", 401},
			{head + "Content-Length: 1\r\n\r\nx", 401},
			{head + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n0\r\nX-Sum: 1\r\n\r\n", 401},
			{head + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n", 401},
			{head + "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n", 401},
			{head + "Transfer-Encoding: chunked\r\nAuthorization: Bearer x\r\n\r\n0\r\n\r\n", 401},
			{"OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 401},
			{head + "Transfer-Encoding: chunked\r\nAuthorization: Bearer {x}\r\n\r\n0\r\n\r\n", 204},
			{head + "Transfer-Encoding: chunked\r\nAuthorization: Bearer {x}\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200},
		} {
			reader := sendRaw(t, front, strings.ReplaceAll(row.request, "{x}", b.token("x")))
			got := readReply(t, reader, http.MethodOptions)
			if got.status != row.want {
				t.Errorf("%s, %q: got status %d, want status %d", way, row.request, got.status, row.want)
			}
			if want := `OPTIONS "hello" <nil>`; got.status == http.StatusOK && got.body != want {
				t.Errorf("%s, %q: got %q, want %q", way, row.request, got.body, want)
			}
		}
	}
}

// TestPreflightBodyHTTP2 does the same for HTTP/2. The client sends an empty DATA frame,
// because it does not know the length of the body.
func TestPreflightBodyHTTP2(t *testing.T) {
	_, handlers := preflightHandlers(t)
	for way, h := range handlers {
		server := httptest.NewUnstartedServer(h)
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		t.Cleanup(server.Close)
		transport := &http.Transport{Protocols: server.Config.Protocols}
		t.Cleanup(transport.CloseIdleConnections)
		for _, row := range []struct {
			body    io.Reader
			trailer http.Header
			want    int
		}{
			{http.NoBody, nil, 204},
			{io.MultiReader(), nil, 204},
			{strings.NewReader("x"), nil, 401},
			{io.MultiReader(strings.NewReader("x")), nil, 401},
			{io.MultiReader(), http.Header{"X-Sum": {"1"}}, 401},
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, server.URL, row.body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", "https://a")
			r.Header.Set("Access-Control-Request-Method", "GET")
			r.Trailer = row.trailer
			response, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != row.want || response.ProtoMajor != 2 {
				t.Errorf("%s, %T, trailer %v: got status %d with %s, want status %d with HTTP/2", way, row.body, row.trailer, response.StatusCode, response.Proto, row.want)
			}
		}
	}
}

// counter counts the calls of Read.
type counter struct {
	io.Reader
	reads int
}

func (c *counter) Read(p []byte) (int, error) { c.reads++; return c.Reader.Read(p) }
func (c *counter) Close() error               { return nil }

// TestPreflightReadsOnce checks that the guard reads at most once, and only if the request is
// a preflight request in every other respect.
func TestPreflightReadsOnce(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		body   func() io.Reader
		reads  int
		want   int
	}{
		{"empty", nil, func() io.Reader { return strings.NewReader("") }, 1, 204},
		{"one byte", nil, func() io.Reader { return strings.NewReader("x") }, 1, 401},
		{"byte and EOF", nil, func() io.Reader { return iotest.DataErrReader(strings.NewReader("x")) }, 1, 401},
		{"long body", nil, func() io.Reader { return strings.NewReader(strings.Repeat("x", 1<<20)) }, 1, 401},
		{"error", nil, func() io.Reader { return iotest.ErrReader(broken) }, 1, 401},
		{"no progress", nil, func() io.Reader { return stuck{} }, 100, 401},
		{"no Origin", func(r *http.Request) { r.Header.Del("Origin") }, func() io.Reader { return strings.NewReader("") }, 0, 401},
		{"credentials", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, func() io.Reader { return strings.NewReader("") }, 0, 401},
		{"other method", func(r *http.Request) { r.Method = http.MethodPost }, func() io.Reader { return strings.NewReader("") }, 0, 401},
		{"known length", func(r *http.Request) { r.ContentLength = 3 }, func() io.Reader { return strings.NewReader("abc") }, 0, 401},
	} {
		_, handlers := preflightHandlers(t)
		for way, h := range handlers {
			body := &counter{Reader: row.body()}
			r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
			r.Body, r.ContentLength = body, -1
			r.Header.Set("Origin", "https://a")
			r.Header.Set("Access-Control-Request-Method", "GET")
			if row.change != nil {
				row.change(r)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != row.want || body.reads != row.reads {
				t.Errorf("%s, %s: got status %d after %d reads, want status %d after %d reads", row.name, way, w.Code, body.reads, row.want, row.reads)
			}
		}
	}
}

// stuck is a body that returns neither bytes nor an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestPreflightBodyIsGivenBack checks that the handler gets the whole body and the error of a
// request that is no preflight request.
func TestPreflightBodyIsGivenBack(t *testing.T) {
	b := newFixture(t, &middleware.Options{AllowPreflight: true})
	broken := errors.New("broken")
	for name, row := range map[string]struct {
		body io.Reader
		want string
		err  error
	}{
		"bytes":          {strings.NewReader("hello"), "hello", nil},
		"single bytes":   {iotest.OneByteReader(strings.NewReader("hello")), "hello", nil},
		"bytes with EOF": {iotest.DataErrReader(strings.NewReader("h")), "h", nil},
		"error":          {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), "he", broken},
		"error at once":  {iotest.ErrReader(broken), "", broken},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/", row.body)
		r.ContentLength = -1
		r.Header.Set("Origin", "https://a")
		r.Header.Set("Access-Control-Request-Method", "GET")
		called := false
		serve(b.guard.Require(scopes.Optional(scopes.All("x")))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			called = true
			body, err := io.ReadAll(r.Body)
			if string(body) != row.want || !errors.Is(err, row.err) {
				t.Errorf("%s: got the body %q (error: %v) in the handler, want %q (error: %v)", name, body, err, row.want, row.err)
			}
		})), r)
		if !called || r.ContentLength != -1 {
			t.Errorf("%s: got handler called = %v and length %d in the outer request, want a call and no change", name, called, r.ContentLength)
		}
	}
}

// TestPreflightBodyNeverArrives checks that http.Server.ReadTimeout ends the wait for a body
// that the client announces and does not send.
func TestPreflightBodyNeverArrives(t *testing.T) {
	issuer := bearertest.NewIssuer(nil)
	t.Cleanup(issuer.Close)
	guard, err := middleware.New(routertest.Verifier(t, issuer, nil), &middleware.Options{AllowPreflight: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(guard.Require(scopes.All("x"))(unreachable(t)))
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	reader := sendRaw(t, server.Listener.Addr().String(), "OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\nTransfer-Encoding: chunked\r\n\r\n")
	if got := readReply(t, reader, http.MethodOptions); got.status != http.StatusUnauthorized {
		t.Errorf("got status %d, want status 401", got.status)
	}
}
