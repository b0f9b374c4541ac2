package bearertest

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Endpoint is one of the issuer's endpoints, for [Issuer.Inject] and
// [Issuer.Fetches].
type Endpoint string

// The endpoints. Each stands for all the paths that serve the same.
const (
	// KeysEndpoint is the key set, at /keys and /.well-known/jwks.json.
	KeysEndpoint Endpoint = "keys"
	// DiscoveryEndpoint is the metadata, at /.well-known/openid-configuration
	// and /.well-known/oauth-authorization-server.
	DiscoveryEndpoint Endpoint = "discovery"
	// TokenEndpoint is the token endpoint, at /oauth/token.
	TokenEndpoint Endpoint = "token"
)

// Fault is how an endpoint misbehaves. The zero value changes nothing. Where
// several fields are set, they take effect in this order: Delay, Hang, Abort,
// Handler, then Status, Header and Body.
type Fault struct {
	// Delay is how long the request waits before anything else happens.
	Delay time.Duration
	// Hang keeps the request without an answer until the client gives up or
	// the issuer is closed.
	Hang bool
	// Abort ends the connection without an answer.
	Abort bool
	// Handler answers instead of the endpoint: for bodies without an end and
	// other things that the fields below cannot say. Nil: not used.
	Handler http.Handler
	// Status answers with this status and Body. Zero: 200 if there is a Body,
	// and otherwise what the endpoint itself answers.
	Status int
	// Header is added to the answer, be it the endpoint's own or not, in place
	// of what the endpoint sets under the same names. A Content-Type set here
	// replaces application/json.
	Header http.Header
	// Body answers with these bytes. Nil: none, or the endpoint's own ones.
	Body []byte
	// Times is how many requests the fault lasts. Zero: until Repair.
	Times int
}

// Inject makes an endpoint misbehave, from the next request on, in place of
// any fault it had. Requests that wait already are not affected.
func (i *Issuer) Inject(e Endpoint, f Fault) {
	f.Header = f.Header.Clone()
	f.Body = slices.Clone(f.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[e] = f
}

// Repair ends the fault of an endpoint. Requests that hang go on hanging.
func (i *Issuer) Repair(e Endpoint) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.faults, e)
}

// Fetches returns how many requests an endpoint has got, those that it failed
// included.
func (i *Issuer) Fetches(e Endpoint) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches[e]
}

// arrive counts a request and returns the fault that is meant for it.
func (i *Issuer) arrive(e Endpoint) (Fault, bool) {
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

// WithFaults returns h behind the faults of e, which may be one of the issuer's
// endpoints or one of your own, and counts its requests for [Issuer.Fetches].
// The endpoints that the issuer itself serves are behind theirs already.
func (i *Issuer) WithFaults(e Endpoint, h http.Handler) http.Handler { return i.faulty(e, h) }

// faulty puts the faults of e in front of genuine.
func (i *Issuer) faulty(e Endpoint, genuine http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := i.arrive(e)
		if !ok {
			genuine.ServeHTTP(w, r)
			return
		}
		i.hold(r, f)
		switch {
		case f.Abort:
			panic(http.ErrAbortHandler)
		case f.Handler != nil:
			f.Handler.ServeHTTP(w, r)
		case f.Status == 0 && f.Body == nil:
			genuine.ServeHTTP(&headerWriter{ResponseWriter: w, header: f.Header}, r)
		default:
			f.answer(w)
		}
	})
}

// hold lets the request wait as long as the fault says, and ends it where the
// client or the issuer goes away meanwhile.
func (i *Issuer) hold(r *http.Request, f Fault) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		i.await(r, timer.C)
	}
	if f.Hang {
		// net/http sees that a client has gone only once the body is read.
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

// headerWriter sets a fault's header last, so that it wins over the genuine
// one.
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

// Flush is for handlers that stream.
func (w *headerWriter) Flush() {
	w.setHeader()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *headerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *headerWriter) setHeader() {
	if !w.set {
		w.set = true
		maps.Copy(w.Header(), w.header)
	}
}
