package dpop_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/proof"
)

// TestTransportNonce tests an API that requires nonces, and replaces its nonce now and then
// (RFC 9449, sections 8.2 and 9).
func TestTransportNonce(t *testing.T) {
	current := "n1"
	a := newAPI(t, func(n int, w http.ResponseWriter, _ *http.Request, c *proof.Claims) {
		switch {
		case c.Nonce != current:
			askForNonce(w, current)
		case n == 4: // a response with 200 has the next nonce
			current = "n2"
			w.Header().Set("DPoP-Nonce", current)
		}
	})
	other := newAPI(t, func(_ int, _ http.ResponseWriter, _ *http.Request, c *proof.Claims) {
		if c.HasNonce {
			t.Errorf("got nonce %q at a different origin, want none", c.Nonce)
		}
	})
	transport := newTransport(t, dpop.TransportOptions{}, a.URL, other.URL)
	for range 3 {
		if got := do(t, transport, http.MethodPost, a.URL+"/", strings.NewReader("body")); got != http.StatusOK {
			t.Errorf("got status %d, want 200", got)
		}
	}
	do(t, transport, http.MethodGet, other.URL+"/", nil)
	current = "n3" // the API has restarted
	if got := do(t, transport, http.MethodPost, a.URL+"/", bytes.NewReader([]byte("body"))); got != http.StatusOK {
		t.Errorf("got status %d, want 200", got)
	}
	do(t, transport, http.MethodGet, a.URL+"/", nil)
	if want := []string{"", "n1", "n1", "n1", "n2", "n3", "n3"}; !slices.Equal(a.nonces, want) {
		t.Errorf("got nonces %q, want %q", a.nonces, want)
	}
	if want := []string{"body", "body", "body", "body", "body", "body", ""}; !slices.Equal(a.bodies, want) {
		t.Errorf("got bodies %q, want %q", a.bodies, want)
	}
	if a.conns != 1 {
		t.Errorf("got %d connections, want 1: the responses with 401 must be read to their end", a.conns)
	}
}

// TestTransportConcurrent tests concurrent requests to an API that replaces its nonce.
func TestTransportConcurrent(t *testing.T) {
	a := newAPI(t, func(n int, w http.ResponseWriter, _ *http.Request, c *proof.Claims) {
		if !c.HasNonce || n%10 == 0 {
			askForNonce(w, fmt.Sprint("n", n))
		}
	})
	transport := newTransport(t, dpop.TransportOptions{Base: &http.Transport{MaxConnsPerHost: 5}}, a.URL)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 10 {
				do(t, transport, http.MethodPost, a.URL+"/", strings.NewReader("body"))
			}
		})
	}
	group.Wait()
	if got := a.requests(); got < 200 || got > 400 {
		t.Errorf("got %d requests, want 200 and at most one repeat of each", got)
	}
}

// answers are the responses of TestTransportRepeats.
var answers = []string{"ok", "ok, new nonce", "nonce", "same nonce", "no nonce", "two nonces", "proof", "proof, new nonce", "bearer", "403"}

// respond returns a response, and the nonce that the client must store, or "".
func respond(answer string, n int, used string) (*http.Response, string) {
	h, status, nonce := http.Header{}, http.StatusUnauthorized, fmt.Sprint("n", n)
	h.Set("WWW-Authenticate", `Bearer, DPoP error="use_dpop_nonce"`)
	h.Set("DPoP-Nonce", nonce)
	switch answer {
	case "ok":
		status, nonce = http.StatusOK, ""
	case "ok, new nonce":
		status = http.StatusOK
	case "same nonce":
		nonce = used
	case "no nonce":
		nonce = ""
	case "two nonces":
		h.Add("DPoP-Nonce", nonce)
		nonce = ""
	case "proof":
		nonce = ""
		fallthrough
	case "proof, new nonce":
		h.Set("WWW-Authenticate", `DPoP algs="ES256", error="invalid_dpop_proof"`)
	case "bearer":
		h.Set("WWW-Authenticate", `Bearer error="use_dpop_nonce", DPoP algs="ES256"`)
	case "403":
		status = http.StatusForbidden
	}
	if answer != "two nonces" {
		h.Set("DPoP-Nonce", nonce)
	}
	if nonce == "" && answer != "two nonces" {
		h.Del("DPoP-Nonce")
	}
	return &http.Response{StatusCode: status, Header: h, Body: &closeCounter{Reader: strings.NewReader(answer)}}, nonce
}

// TestTransportRepeats tests all sequences of four responses with the usual methods and bodies. The
// expected number of requests follows from the comment of Transport.
func TestTransportRepeats(t *testing.T) {
	signer := newSigner(t)
	for i := range len(answers) * len(answers) * len(answers) {
		sequence := []string{answers[i%len(answers)], answers[i/len(answers)%len(answers)], answers[i/len(answers)/len(answers)], "ok"}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, body := range []string{"", "again", "once"} {
				testRepeats(t, signer, sequence, method, body)
			}
		}
	}
}

func testRepeats(t *testing.T, signer *dpop.Signer, sequence []string, method, body string) {
	t.Helper()
	name := fmt.Sprintf("%q %s %q", sequence, method, body)
	// The rules: how often the request is sent, and with which nonces.
	idempotent, canRepeat := method == http.MethodGet, body != "once"
	want, byNonce, byProof := []string{""}, 0, 0
	for n, last := 0, ""; n < len(sequence) && canRepeat; n++ {
		_, nonce := respond(sequence[n], n, want[n]) //nolint:bodyclose // the body has no connection
		if nonce != "" {
			last = nonce
		}
		switch answer := sequence[n]; {
		case answer == "nonce" && byNonce == 0:
			byNonce++
		case strings.HasPrefix(answer, "proof") && byProof == 0 && idempotent:
			byProof++
		default:
			n = len(sequence)
			continue
		}
		want = append(want, last)
	}

	var got []string
	var responses []*http.Response
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		c, err := readClaims(req.Header.Get("DPoP"))
		if err != nil {
			t.Errorf("%s: got error %v", name, err)
		}
		if req.Body != nil {
			if sent, err := io.ReadAll(req.Body); err != nil || string(sent) != body {
				t.Errorf("%s: got body %q and error %v", name, sent, err)
			}
			_ = req.Body.Close()
		}
		resp, _ := respond(sequence[len(got)], len(got), c.Nonce)
		got, responses = append(got, c.Nonce), append(responses, resp)
		return resp, nil
	})
	req := httptest.NewRequest(method, "https://api.example/", nil)
	if req.Body = nil; body != "" {
		req.Body = io.NopCloser(strings.NewReader(body))
	}
	if body == "again" {
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	}
	resp, err := newTransport(t, dpop.TransportOptions{Signer: signer, Base: base}, "https://api.example").RoundTrip(req)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: got nonces %q and error %v, want %q", name, got, err, want)
		return
	}
	for i, r := range responses {
		closed, last := r.Body.(*closeCounter).closed == 1, i == len(responses)-1 //nolint:errcheck,forcetypeassert // the test has made all bodies
		if rest, _ := io.ReadAll(r.Body); closed == last || (len(rest) > 0) != last || last && r != resp {
			t.Errorf("%s: response %d: got closed %t and %d bytes left, want only the last one open", name, i, closed, len(rest))
		}
	}
	_ = resp.Body.Close()
}

// readClaims reads the claims of a proof without the check of its signature.
func readClaims(field string) (*proof.Claims, error) {
	p, err := proof.Read(field)
	if err != nil {
		return nil, err
	}
	return p.Claims()
}

// TestTransportNotRepeated tests repeats that fail before they are sent. The caller gets the response
// with 401, and can read it.
func TestTransportNotRepeated(t *testing.T) {
	a := newAPI(t, func(_ int, w http.ResponseWriter, _ *http.Request, _ *proof.Claims) { askForNonce(w, "n") })
	req := httptest.NewRequest(http.MethodPut, a.URL+"/", strings.NewReader("body"))
	req.GetBody = func() (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
	resp, err := newTransport(t, dpop.TransportOptions{}, a.URL).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "refused\n" || resp.StatusCode != http.StatusUnauthorized || a.requests() != 1 {
		t.Errorf("got %q, error %v and status %d after %d requests, want the first response", text, err, resp.StatusCode, a.requests())
	}
	_ = resp.Body.Close()
}
