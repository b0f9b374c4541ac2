package bearertest

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Endpoint names an endpoint of the issuer for [Issuer.Inject],
// [Issuer.Repair], [Issuer.Fetches] and [Issuer.WithFaults].
type Endpoint string

// The issuer's endpoints. A fault of an endpoint affects all paths of the
// endpoint. Issuer.Fetches counts the requests for all paths of the endpoint.
const (
	// KeysEndpoint serves the key set. Its paths are /keys and
	// /.well-known/jwks.json.
	KeysEndpoint Endpoint = "keys"
	// DiscoveryEndpoint serves the metadata. Its paths are
	// /.well-known/openid-configuration and
	// /.well-known/oauth-authorization-server.
	DiscoveryEndpoint Endpoint = "discovery"
	// TokenEndpoint issues tokens. Its path is /oauth/token.
	TokenEndpoint Endpoint = "token"
)

// Fault describes how an endpoint fails. The zero Fault has no effect. If
// several fields are set, they take effect in this order: Delay, Hang, Abort,
// Handler. After these fields, Status, Header and Body take effect together.
type Fault struct {
	// Delay is the time that the request waits before the other fields take
	// effect. A positive Delay of less than 1 µs is invalid, because it is usually
	// a number without a unit. Zero means no delay.
	Delay time.Duration
	// If Hang is true, the issuer does not answer the request. The request ends
	// when the client cancels the request or the issuer is closed.
	Hang bool
	// If Abort is true, the issuer closes the connection without an answer.
	Abort bool
	// Handler answers the request instead of the endpoint. It is for faults that
	// the other fields cannot express, such as an endless body. Nil means no
	// handler.
	Handler http.Handler
	// Status is the HTTP status of the answer. If Status is zero and Body is set,
	// the status is 200. If Status is zero and Body is nil, the endpoint itself
	// answers.
	Status int
	// Header is added to the answer, even if the endpoint itself answers. The
	// fields in Header replace fields with the same names. For example, they can
	// replace the default Content-Type, which is application/json. If Handler is
	// set, Header has no effect.
	Header http.Header
	// Body is the body of the answer. If Body is nil and Status is set, the body
	// is empty.
	Body []byte
	// Times is the number of requests that the fault affects. Zero means all
	// requests until Repair is called.
	Times int
}

// Inject sets the fault of an endpoint. It replaces an earlier fault of the
// endpoint. The fault affects the next requests, and does not affect requests
// in flight. Inject panics if f.Delay is invalid.
func (i *Issuer) Inject(e Endpoint, f Fault) {
	mustHaveUnit("Fault.Delay", f.Delay, leastDelay, time.Second)
	f.Header = f.Header.Clone()
	f.Body = slices.Clone(f.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[e] = f
}

// Repair removes the fault of an endpoint. It does not affect requests in
// flight. For example, a hanging request continues to hang.
func (i *Issuer) Repair(e Endpoint) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.faults, e)
}

// Fetches returns the number of requests that an endpoint received. The number
// includes failed requests.
func (i *Issuer) Fetches(e Endpoint) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches[e]
}

// nextFault counts a request and returns the fault for this request. The bool
// is false if there is no fault.
func (i *Issuer) nextFault(e Endpoint) (Fault, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetches[e]++
	f, ok := i.faults[e]
	if ok && f.Times > 0 {
		if f.Times--; f.Times == 0 {
			delete(i.faults, e)
		} else {
			i.faults[e] = f
		}
	}
	return f, ok
}

// WithFaults returns a handler that passes requests to h. It applies the faults
// of e to these requests, and counts the requests for [Issuer.Fetches]. The
// Endpoint may be one of the constants or a name of your own. Do not use
// WithFaults for the handler of the issuer, because this handler already
// applies faults.
func (i *Issuer) WithFaults(e Endpoint, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := i.nextFault(e)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		i.hold(r, f)
		switch {
		case f.Abort:
			panic(http.ErrAbortHandler)
		case f.Handler != nil:
			f.Handler.ServeHTTP(w, r)
		case f.Status == 0 && f.Body == nil:
			h.ServeHTTP(&headerWriter{ResponseWriter: w, header: f.Header}, r)
		default:
			f.answer(w)
		}
	})
}

// The method hold applies f.Delay and f.Hang to a request. It aborts the
// request if the client cancels the request, or if the issuer is closed, while
// hold waits.
func (i *Issuer) hold(r *http.Request, f Fault) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		i.await(r, timer.C)
	}
	if f.Hang {
		// net/http detects a cancellation by the client only after the body was read.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxFormSize))
		i.await(r, nil)
	}
}

func (i *Issuer) await(r *http.Request, elapsed <-chan time.Time) {
	select {
	case <-elapsed:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-i.done:
		panic(http.ErrAbortHandler)
	}
}

func (f Fault) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	maps.Copy(w.Header(), f.Header)
	if f.Status == 0 {
		f.Status = http.StatusOK
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write(f.Body)
}

// headerWriter adds Fault.Header to an answer. It adds the header fields when
// the endpoint starts to write the answer, so that these fields replace the
// header fields of the endpoint.
type headerWriter struct {
	http.ResponseWriter
	header http.Header
	set    bool
}

func (w *headerWriter) WriteHeader(status int) {
	w.setHeader()
	w.ResponseWriter.WriteHeader(status)
}

func (w *headerWriter) Write(body []byte) (int, error) {
	w.setHeader()
	return w.ResponseWriter.Write(body)
}

// Flush implements http.Flusher for handlers that stream.
func (w *headerWriter) Flush() {
	w.setHeader()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap gives http.ResponseController access to the wrapped writer.
func (w *headerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *headerWriter) setHeader() {
	if !w.set {
		w.set = true
		maps.Copy(w.Header(), w.header)
	}
}
