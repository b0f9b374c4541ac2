package dpop

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/dpopclient"
)

const (
	// maxDrain is the number of bytes that are read from the body of a response before the request is
	// repeated. The connection is closed if the body is longer.
	maxDrain = 64 << 10
	// fresh is the age at which a proof is replaced if it was not sent yet. A request may wait a long
	// time for its connection.
	fresh = 5 * time.Second
)

// idempotent lists the methods that may be repeated after any failure (RFC 9110, section 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete}

// exchange is one call of [Transport.RoundTrip], with all attempts to send the request.
type exchange struct {
	t                   *Transport
	req                 *http.Request // the caller's
	method, uri, origin string
	token               string
}

// run sends the request, and repeats it as the comment of [Transport] says.
func (e *exchange) run() (*http.Response, error) {
	a, err := e.newAttempt(e.req.Body, e.t.nonces.Last(e.origin))
	if err != nil {
		closeBody(e.req.Body)
		return nil, err
	}
	var repeated []string // the error codes after which the request was sent again
	for {
		resp, err := e.t.base.RoundTrip(a.out)
		if err != nil {
			return nil, err
		}
		resp.Request = e.req // the request that was sent contains the token
		nonce := e.t.nonces.Take(e.origin, resp.Header.Values("DPoP-Nonce"))
		if resp.StatusCode != http.StatusUnauthorized {
			return resp, nil
		}
		code := dpopclient.ErrorCode(resp.Header.Values("WWW-Authenticate"))
		switch {
		case slices.Contains(repeated, code):
			return resp, nil
		case code == dpopclient.UseNonce && nonce != "" && nonce != a.nonce:
		case code == dpopclient.InvalidProof && slices.Contains(idempotent, e.method):
		default:
			return resp, nil
		}
		repeated = append(repeated, code)
		next, err := e.again(nonce)
		if err != nil || next == nil {
			return resp, nil //nolint:nilerr // the caller gets the response that asked for the next attempt
		}
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // so that the next attempt can use the same connection
		_ = resp.Body.Close()
		a = next
	}
}

// again returns the next attempt, or nil if the body of the request cannot be sent again.
func (e *exchange) again(nonce string) (*attempt, error) {
	body := e.req.Body
	if body != nil && body != http.NoBody {
		if e.req.GetBody == nil {
			return nil, nil
		}
		var err error
		if body, err = e.req.GetBody(); err != nil {
			return nil, err
		}
	}
	if nonce == "" {
		nonce = e.t.nonces.Last(e.origin)
	}
	a, err := e.newAttempt(body, nonce)
	if err != nil {
		closeBody(body)
	}
	return a, err
}

// attempt is a request with a proof.
type attempt struct {
	e     *exchange
	out   *http.Request
	nonce string // the nonce of the last proof
	made  time.Time
	sent  bool // the proof was given to a connection
}

func (e *exchange) newAttempt(body io.ReadCloser, nonce string) (*attempt, error) {
	a := &attempt{e: e}
	ctx := e.req.Context()
	if _, ok := e.t.base.(*http.Transport); ok {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.connected() }})
	}
	a.out = e.req.WithContext(ctx)
	a.out.Body = body
	a.out.Header = make(http.Header, len(e.req.Header)+2)
	for name, values := range e.req.Header {
		if !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "DPoP") {
			a.out.Header[name] = slices.Clone(values)
		}
	}
	a.out.Header.Set("Authorization", "DPoP "+e.token)
	return a, a.prove(nonce)
}

func (a *attempt) prove(nonce string) error {
	field, err := a.e.t.signer.Proof(a.e.method, a.e.uri, a.e.token, nonce)
	if err != nil {
		return err
	}
	a.out.Header.Set("DPoP", field)
	a.nonce, a.made = nonce, time.Now()
	return nil
}

// connected is called by [http.Transport] when it has a connection for the request, and before it
// writes the request. If the proof was sent before, on a connection that broke, connected makes a new
// one, because each HTTP request has a proof of its own (RFC 9449, section 4.3, step 12, and section
// 11.1).
//
// http.Transport calls connected in the goroutine of its method RoundTrip. Before it uses a different
// connection, it waits until the goroutine that writes the request has ended. HTTP/2 does not wait if
// the request was canceled. So connected must not change the header of a canceled request.
func (a *attempt) connected() {
	if (a.sent || time.Since(a.made) >= fresh) && !isCanceled(a.out) {
		// If the key fails, the server gets the first proof again, and can refuse it.
		_ = a.prove(a.e.t.nonces.Last(a.e.origin))
	}
	a.sent = true
}

func isCanceled(req *http.Request) bool {
	select {
	case <-req.Cancel: //nolint:staticcheck // http.Client sets the deprecated field if it has a Timeout
		return true
	default:
		return req.Context().Err() != nil
	}
}
