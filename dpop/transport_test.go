package dpop_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/proof"
)

// api is an API that verifies proofs, but not tokens. It counts the requests, and reports proofs that
// do not belong to their requests, and proofs that it has seen before.
type api struct {
	*httptest.Server
	tb     testing.TB
	answer func(n int, w http.ResponseWriter, r *http.Request, c *proof.Claims) // n counts the requests, from 1

	mu     sync.Mutex // guards the fields below
	seen   map[string]bool
	nonces []string // the nonces of the proofs
	bodies []string
	conns  int
}

func newAPI(tb testing.TB, answer func(n int, w http.ResponseWriter, r *http.Request, c *proof.Claims)) *api {
	tb.Helper()
	a := &api{tb: tb, answer: answer, seen: map[string]bool{}}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			a.mu.Lock()
			a.conns++
			a.mu.Unlock()
		}
	}
	a.Start()
	tb.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.tb.Errorf("read the body: %v", err)
	}
	c := a.check(r)
	a.mu.Lock()
	if a.seen[c.ID] {
		a.tb.Errorf("%s %s: got the proof %q twice", r.Method, r.URL, c.ID)
	}
	a.seen[c.ID] = true
	a.nonces, a.bodies = append(a.nonces, c.Nonce), append(a.bodies, string(body))
	n := len(a.nonces)
	a.mu.Unlock()
	a.answer(n, w, r, c)
}

// check verifies a proof with the reader of the API's side.
func (a *api) check(r *http.Request) *proof.Claims {
	fields, authorization := r.Header.Values("DPoP"), r.Header.Values("Authorization")
	if len(fields) != 1 || !slices.Equal(authorization, []string{"DPoP " + figureToken}) {
		a.tb.Errorf("%s %s: got %d proofs and authorization %q, want one of each", r.Method, r.URL, len(fields), authorization)
		return new(proof.Claims)
	}
	_, c := verified(a.tb, fields[0])
	want, err := proof.Target("http://"+r.Host+r.RequestURI, false)
	if got, err2 := proof.Target(c.URI, false); got != want || err != nil || err2 != nil || c.Method != r.Method || c.TokenHash != figureHash {
		a.tb.Errorf("%s %s: got a proof for %s %s and ath %q (%v, %v)", r.Method, want, c.Method, c.URI, c.TokenHash, err, err2)
	}
	return c
}

func (a *api) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.nonces)
}

func askForNonce(w http.ResponseWriter, nonce string) {
	if nonce != "" {
		w.Header().Set("DPoP-Nonce", nonce)
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="a, b"`)
	w.Header().Add("WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`)
	http.Error(w, "refused", http.StatusUnauthorized)
}

func figure(context.Context) (string, error) { return figureToken, nil }

func newTransport(tb testing.TB, options dpop.TransportOptions, origins ...string) *dpop.Transport {
	tb.Helper()
	if options.Signer == nil {
		options.Signer = newSigner(tb)
	}
	if options.Token == nil {
		options.Token = figure
	}
	options.Origins = origins
	t, err := dpop.NewTransport(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

// do sends a request and returns the status of the response.
func do(tb testing.TB, t http.RoundTripper, method, url string, body io.Reader) int {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url, body)
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		tb.Errorf("%s %s: %v", method, url, err)
		return 0
	}
	if resp.Request != req {
		tb.Errorf("%s %s: got a response for a different request, want the caller's", method, url)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestTransport tests that proofs are for their requests.
func TestTransport(t *testing.T) {
	a := newAPI(t, func(_ int, w http.ResponseWriter, _ *http.Request, _ *proof.Claims) {
		w.WriteHeader(http.StatusNoContent)
	})
	transport := newTransport(t, dpop.TransportOptions{Base: new(http.Transport)}, a.URL)
	for _, row := range []struct{ method, path string }{
		{"GET", ""}, {"", "/"}, {"GET", "/a?b=c#d"}, {"GET", "?b=/c"}, {"DELETE", "/a//b/%2f%7E%e9/;c"}, {"POST", "/a/../b"}, {"M-SEARCH", "/a"}, {"HEAD", "/\"<>&'"},
	} {
		if got := do(t, transport, row.method, a.URL+row.path, nil); got != http.StatusNoContent {
			t.Errorf("%s %s: got status %d, want 204", row.method, row.path, got)
		}
	}
}

// TestTransportRequest tests that the caller's request is not changed, and that the Transport replaces
// the fields of the caller.
func TestTransportRequest(t *testing.T) {
	a := newAPI(t, func(n int, w http.ResponseWriter, r *http.Request, _ *proof.Claims) {
		if got := r.Header.Values("X-A"); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("got field X-A %q, want b and c", got)
		}
		if n == 1 {
			askForNonce(w, "n")
		}
	})
	transport := newTransport(t, dpop.TransportOptions{}, a.URL)
	req := httptest.NewRequest(http.MethodGet, a.URL+"/a", nil)
	req.Header = http.Header{"X-A": {"b", "c"}, "Authorization": {"Bearer x"}, "authorization": {"Basic x"}, "dpop": {"x"}, "Dpop": {"x", "y"}}
	before := req.Clone(t.Context())
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || a.requests() != 2 {
		t.Errorf("got status %d after %d requests, want 200 after 2", resp.StatusCode, a.requests())
	}
	if got, want := fmt.Sprint(req.Header, req.URL, req.Host, req.Body), fmt.Sprint(before.Header, before.URL, before.Host, before.Body); got != want {
		t.Errorf("got a changed request %s, want %s", got, want)
	}
}

// TestTransportOrigins tests that the token goes only to the configured origins.
func TestTransportOrigins(t *testing.T) {
	sent := 0
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
	})
	transport := newTransport(t, dpop.TransportOptions{Base: base}, "https://api.example", "https://API.example:8443/", "http://127.0.0.1:80")
	for _, row := range []struct {
		url, host string
		want      bool
	}{
		{"https://api.example/a", "", true},
		{"https://API.example:443/a", "", true},
		{"https://api.example:8443", "", true},
		{"http://127.0.0.1/", "", true},
		{"https://api.example/a", "api.example:8443", true},
		{"http://api.example/a", "", false},
		{"https://api.example:444/a", "", false},
		{"https://api.example./a", "", false},
		{"https://a.api.example/a", "", false},
		{"https://api.example.other.example/a", "", false},
		{"https://other.example/https://api.example/", "", false},
		{"https://127.0.0.1/", "", false},
		{"https://api.example/a", "other.example", false},
		{"https://other.example/a", "api.example", false},
		{"ftp://api.example/a", "", false},
		{"https:///a", "", false},
	} {
		req := httptest.NewRequest(http.MethodPost, row.url, nil)
		body := &closeCounter{Reader: strings.NewReader("secret")}
		req.Host, req.Body = row.host, body
		sent = 0
		_, err := transport.RoundTrip(req)
		if (err == nil) != row.want || (sent == 1) != row.want {
			t.Errorf("%s, host %q: got error %v and %d requests, want sent %t", row.url, row.host, err, sent, row.want)
		}
		if err != nil && (body.closed != 1 || strings.Contains(err.Error(), figureToken)) {
			t.Errorf("%s: got body closed %d times and error %v, want once", row.url, body.closed, err)
		}
		if strings.HasPrefix(row.url, "https://other") && !errors.Is(err, dpop.ErrOrigin) {
			t.Errorf("%s: got error %v, want ErrOrigin", row.url, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

// TestTransportRedirect tests redirects that an http.Client follows.
func TestTransportRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("got a request to a different origin, want none") }))
	defer other.Close()
	a := newAPI(t, func(_ int, w http.ResponseWriter, r *http.Request, _ *proof.Claims) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end?x=y", http.StatusTemporaryRedirect)
		case "/other":
			http.Redirect(w, r, other.URL+"/end", http.StatusTemporaryRedirect)
		}
	})
	client := &http.Client{Transport: newTransport(t, dpop.TransportOptions{}, a.URL)}
	for path, want := range map[string]error{"/same": nil, "/other": dpop.ErrOrigin} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", path, err, want)
		}
	}
	if got := a.requests(); got != 3 {
		t.Errorf("got %d requests, want 3", got)
	}
}

var errToken = errors.New("the issuer is down")

// TestTransportErrors tests requests that are not sent.
func TestTransportErrors(t *testing.T) {
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("got a request, want none")
		return nil, errors.New("refused")
	})
	down := func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errRemote }
	broken, err := dpop.NewSigner(remoteKey{keys()["ES256"], down}, "")
	if err != nil {
		t.Fatal(err)
	}
	token := func(text string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return text, err }
	}
	for want, transport := range map[string]*dpop.Transport{
		"the issuer is down": newTransport(t, dpop.TransportOptions{Base: base, Token: token("", errToken)}, "https://api.example"),
		"empty token":        newTransport(t, dpop.TransportOptions{Base: base, Token: token("", nil)}, "https://api.example"),
		"that no token has":  newTransport(t, dpop.TransportOptions{Base: base, Token: token("DPoP secret", nil)}, "https://api.example"),
		errRemote.Error():    newTransport(t, dpop.TransportOptions{Base: base, Signer: broken}, "https://api.example"),
		"use NewTransport":   {},
	} {
		req, body := httptest.NewRequest(http.MethodPost, "https://api.example/", nil), &closeCounter{Reader: strings.NewReader("")}
		req.Body = body
		_, err := transport.RoundTrip(req)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || body.closed != 1 {
			t.Errorf("got error %v and body closed %d times, want %q and once", err, body.closed, want)
		}
		if errors.Is(err, errToken) != (want == errToken.Error()) {
			t.Errorf("%s: got error %v", want, err)
		}
	}
}

func TestNewTransportErrors(t *testing.T) {
	_, err := dpop.NewTransport(dpop.TransportOptions{
		Signer: new(dpop.Signer), Base: (*http.Transport)(nil),
		Origins: []string{"https://api.example", "http://api.example", "api.example", "https://api.example/a", "https://api.example?b", "https://u:secret@api.example", "https://%zzsecret", "https://bücher.example"},
	})
	text := fmt.Sprint(err)
	for _, want := range []string{
		"Signer: no key", "Token: nil", `"http://api.example": http lets`, `"api.example": the URI is not absolute`, `"https://api.example/a": an origin`,
		`"https://api.example?b": an origin`, "contains credentials", "Base: nil pointer", "bücher.example\": the URI has a character",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got error %s, want %q", text, want)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, `"https://api.example":`) {
		t.Errorf("got error %s, want no secret and no valid origin", text)
	}
	if _, err := dpop.NewTransport(dpop.TransportOptions{}); err == nil || !strings.Contains(err.Error(), "Origins: empty") {
		t.Errorf("got error %v, want one about Origins", err)
	}
}

// TestTransportPrint tests that no printed form of a Transport contains its key.
func TestTransportPrint(t *testing.T) {
	transport := newTransport(t, dpop.TransportOptions{Base: new(http.Transport)}, "https://api.example")
	want := `dpop.Transport{Signer: *dpop.Signer, Origins: ["https://api.example/"], Base: *http.Transport}`
	for _, v := range []any{transport, *transport} {
		if got := fmt.Sprintf("%+v", v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, err := transport.MarshalText(); err != nil || string(got) != want {
		t.Errorf("got %s and error %v, want %s", got, err, want)
	}
}
