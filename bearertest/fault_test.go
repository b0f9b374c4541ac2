package bearertest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// withPath returns the URL in rawURL with the path newPath.
func withPath(t *testing.T, rawURL, newPath string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = newPath
	return u.String()
}

func TestFaultAnswers(t *testing.T) {
	for _, start := range []func(*bearertest.Options) *bearertest.Issuer{bearertest.NewIssuer, bearertest.NewUnstartedIssuer} {
		issuer := start(&bearertest.Options{Algorithms: []string{"ES256"}})
		keySet := string(issuer.JWKS())
		custom := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		for name, row := range map[string]struct {
			fault  bearertest.Fault
			status int
			body   string
			header string
		}{
			"zero value":              {bearertest.Fault{}, 200, keySet, ""},
			"status":                  {bearertest.Fault{Status: 503}, 503, "", ""},
			"body":                    {bearertest.Fault{Body: []byte("{}")}, 200, "{}", ""},
			"empty body":              {bearertest.Fault{Body: []byte{}}, 200, "", ""},
			"status, body and header": {bearertest.Fault{Status: 500, Body: []byte("<html>"), Header: http.Header{"X-Odd": {"1"}}}, 500, "<html>", "1"},
			"header":                  {bearertest.Fault{Header: http.Header{"X-Odd": {"2"}}}, 200, keySet, "2"},
			"handler":                 {bearertest.Fault{Handler: custom}, http.StatusTeapot, "", ""},
		} {
			issuer.Inject(bearertest.KeysEndpoint, row.fault)
			got := fetch(t, issuer.HTTPClient(), issuer.KeysURL())
			if got.StatusCode != row.status || string(got.body) != row.body || got.Header.Get("X-Odd") != row.header {
				t.Errorf("%s: got status %s, header %v and body %s, want status %d, X-Odd %q and body %s", name, got.Status, got.Header, got.body, row.status, row.header, row.body)
			}
			if got.ContentLength != int64(len(row.body)) {
				t.Errorf("%s: got Content-Length %d, want %d", name, got.ContentLength, len(row.body))
			}
		}
		if got := fetch(t, issuer.HTTPClient(), withPath(t, issuer.KeysURL(), "/.well-known/openid-configuration")); got.StatusCode != http.StatusOK {
			t.Errorf("endpoint without a fault: got status %s, want 200", got.Status)
		}
		issuer.Repair(bearertest.KeysEndpoint)
		if got := fetch(t, issuer.HTTPClient(), issuer.KeysURL()); string(got.body) != keySet {
			t.Errorf("after Repair: got body %s, want the key set", got.body)
		}
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true, Times: 1})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer.KeysURL(), bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := do(issuer.HTTPClient(), request); err == nil {
			t.Error("Abort: got a response, want an error")
		}
		issuer.Close()
	}
}

func TestDelayAndHangWithVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
		begin := time.Now()
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: time.Minute})
		if got := fetch(t, issuer.HTTPClient(), issuer.KeysURL()); got.StatusCode != http.StatusOK || time.Since(begin) != time.Minute {
			t.Errorf("got status %s after %v, want status 200 after 1 min", got.Status, time.Since(begin))
		}
		for name, fault := range map[string]bearertest.Fault{"delay": {Delay: time.Hour}, "hang": {Hang: true}} {
			issuer.Inject(bearertest.KeysEndpoint, fault)
			begin = time.Now()
			client := &http.Client{Transport: issuer.Transport(), Timeout: 5 * time.Second}
			_, err := client.Get(issuer.KeysURL())
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
				t.Errorf("%s: got error %v after %v, want a timeout after 5 s", name, err, time.Since(begin))
			}
		}
		time.AfterFunc(time.Second, issuer.Close)
		if _, err := issuer.HTTPClient().Get(issuer.KeysURL()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("request that hangs during Close: got error %v, want %v", err, io.ErrUnexpectedEOF)
		}
		var refused *net.OpError
		if _, err := issuer.HTTPClient().Get(issuer.KeysURL()); !errors.As(err, &refused) {
			t.Errorf("request to a closed issuer: got error %v, want a *net.OpError", err)
		}
	})
}

func TestHangWithListener(t *testing.T) {
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	issuer.Inject(bearertest.TokenEndpoint, bearertest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := do(issuer.HTTPClient(), form(ctx, t, issuer.TokenURL(), nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
	}

	// The server sends the header of a response, but never the body.
	begun := make(chan struct{})
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
	})})
	reading, stop := context.WithCancel(t.Context())
	go func() {
		<-begun
		stop()
	}()
	if _, err := do(issuer.HTTPClient(), form(reading, t, issuer.KeysURL(), nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestCloseEndsHangingRequests(t *testing.T) {
	issuer := bearertest.NewIssuer(nil)
	issuer.Inject(bearertest.TokenEndpoint, bearertest.Fault{Hang: true})
	arriving := &signalReader{readBegan: make(chan struct{})}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer.TokenURL(), arriving)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := do(issuer.HTTPClient(), request)
		ended <- err
	}()
	<-arriving.readBegan
	issuer.Close()
	if err := <-ended; err == nil {
		t.Error("request that hangs during Close: got a response, want an error")
	}
}

// signalReader is an empty request body. The method Read closes the channel readBegan, so only
// one call of Read is allowed.
type signalReader struct{ readBegan chan struct{} }

func (r *signalReader) Read([]byte) (int, error) {
	close(r.readBegan)
	return 0, io.EOF
}

func TestTransportReachesItsIssuerOnly(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(nil)
	defer issuer.Close()
	for _, address := range []string{"https://elsewhere.example/keys", "http://issuer.example/keys", "https://issuer.example:8443/keys"} {
		var notFound *net.DNSError
		if _, err := issuer.HTTPClient().Get(address); !errors.As(err, &notFound) {
			t.Errorf("%s: got error %v, want a *net.DNSError", address, err)
		}
	}
	if got := fetch(t, issuer.HTTPClient(), issuer.URL()+"/nothing"); got.StatusCode != http.StatusNotFound {
		t.Errorf("got status %s, want 404", got.Status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := do(issuer.HTTPClient(), form(ctx, t, issuer.TokenURL(), nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestHandlerInAnotherServer(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "http://login.example/tenant"})
	defer issuer.Close()
	server := httptest.NewServer(issuer.Handler())
	defer server.Close()
	if got := fetch(t, server.Client(), server.URL+"/tenant/keys"); string(got.body) != string(issuer.JWKS()) {
		t.Errorf("got body %s, want the key set", got.body)
	}
}
