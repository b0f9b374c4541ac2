package bearertest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
)

// Transport returns a round tripper that answers requests to the issuer in
// memory. It serves each request in the goroutine of the caller and starts no
// goroutine, so it works inside a testing/synctest bubble. It returns a
// response after the body of the response is complete. A hanging request ends
// when its context ends. A request to a different host fails with "no such
// host". After [Issuer.Close], every request fails with "connection refused".
func (i *Issuer) Transport() http.RoundTripper { return &transport{i} }

type transport struct{ issuer *Issuer }

// RoundTrip answers one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	base, err := url.Parse(t.issuer.base)
	panicIfError(err)
	if r.URL.Scheme != base.Scheme || r.URL.Host != base.Host {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true,
		}}
	}
	if t.issuer.closed() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	recorder := httptest.NewRecorder()
	aborted := t.serve(recorder, serverRequest(r))
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if aborted {
		return nil, io.ErrUnexpectedEOF
	}
	response := recorder.Result()
	response.Request = r
	if r.Method == http.MethodHead {
		response.Body = http.NoBody
	}
	if response.ContentLength < 0 {
		response.ContentLength = int64(recorder.Body.Len())
	}
	return response, nil
}

// The method serve calls the issuer's handler. It reports whether the handler
// aborted the connection and sent no answer.
func (t *transport) serve(w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(cause)
		}
	}()
	t.issuer.mux.ServeHTTP(w, r)
	return false
}

// serverRequest converts a client's request to a server's request.
func serverRequest(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	in.RequestURI = r.URL.RequestURI()
	in.URL.Scheme, in.URL.Host = "", ""
	in.RemoteAddr = "127.0.0.1:0"
	return in
}
