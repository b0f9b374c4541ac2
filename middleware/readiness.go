package middleware

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/nilcheck"
)

// ReadinessOptions configures a readiness handler. Nil is the same as the zero value. The
// zero value requires keys of every issuer.
type ReadinessOptions struct {
	// AnyIssuer makes the handler answer 200 as soon as one issuer has keys. It is for
	// services with many issuers, where an outage of one issuer must not affect the
	// callers of other issuers. False: the handler answers 200 only if every issuer has
	// keys.
	AnyIssuer bool
}

// maxListed is the maximum number of issuers in the answer of a readiness handler, because the
// cost of a request without a token must not grow with the number of customers.
const maxListed = 100

// readinessAnswer is the body of an answer.
type readinessAnswer struct {
	Ready   bool              `json:"ready"`
	Issuers []issuerReadiness `json:"issuers"`
	// NotListed is the number of issuers that are not in Issuers.
	NotListed int `json:"issuers_not_listed,omitempty"`
}

// issuerReadiness is the state of one issuer in the answer.
type issuerReadiness struct {
	Issuer string `json:"issuer"`
	Ready  bool   `json:"ready"`
	// Sources has the state of each source, in their order, if the issuer has several sources of
	// keys. The answer contains no URLs.
	Sources []sourceReadiness `json:"sources,omitempty"`
	// The members below are absent if the issuer has a fixed key set or several sources.
	Stale    *bool    `json:"stale,omitempty"`
	Restored bool     `json:"restored,omitempty"`
	Keys     *int     `json:"keys,omitempty"`
	Age      *float64 `json:"age_seconds,omitempty"`
}

// sourceReadiness is the state of one source of keys.
type sourceReadiness struct {
	Ready bool     `json:"ready"`
	Stale bool     `json:"stale,omitempty"`
	Keys  int      `json:"keys"`
	Age   *float64 `json:"age_seconds,omitempty"`
}

// NewReadiness returns a handler for readiness checks of load balancers and orchestrators.
// The handler answers GET and HEAD with 200 if this process can verify tokens, and with 503
// if keys were never loaded or are too old. The JSON body contains the state of each issuer,
// with the number of its keys and the age of the keys in seconds, or with these numbers for each of
// its sources. If there are more than 100
// issuers, the body lists 100 of them, first the issuers without keys, and the number of the
// other issuers. The log contains the errors; the body does not. Requests need no token. The source is
// usually the verifier, a *[bearer.JWTVerifier] or a *[bearer.Issuers]. Other sources must be safe for
// concurrent use. If source is nil, NewReadiness returns an error.
//
// With a *[bearer.JWTVerifier] or a *[bearer.Issuers], the cost of a request does not depend on the
// number of keys. If there are more than 100 issuers, the handler builds the answer at most once
// per second. With every other source, a request costs one call of its method Status, unless
// Status reports more than 100 issuers.
//
// Do not use the handler as a liveness check. A restart of the process does not end an
// outage of the issuer, and the process loses the keys in its memory.
func NewReadiness(source interface{ Status() []bearer.IssuerStatus }, opts *ReadinessOptions) (http.Handler, error) {
	if nilcheck.IsNil(source) {
		return nil, errors.New("middleware: NewReadiness: source: nil; pass the verifier")
	}
	anyIssuer := opts != nil && opts.AnyIssuer
	h := &readiness{source: source, anyIssuer: anyIssuer}
	return http.HandlerFunc(h.serve), nil
}

// readiness is a readiness handler.
type readiness struct {
	source    interface{ Status() []bearer.IssuerStatus }
	anyIssuer bool

	mu    sync.Mutex // guards the fields below
	body  []byte     // the last answer, as JSON; nil if the answer lists all issuers
	ready bool       // the member "ready" of body
	built time.Time  // when body was built
}

// longAnswerLifetime is the time for which a handler repeats an answer that does not list all
// issuers.
const longAnswerLifetime = time.Second

func (h *readiness) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	body, ready, err := h.answer(time.Now())
	if err != nil { // cannot happen, because these values always have a JSON form
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the client is gone
	}
}

// answer returns the body of an answer, and its member "ready". The caller must not modify the
// body.
func (h *readiness) answer(now time.Time) (body []byte, ready bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.body != nil && now.Sub(h.built) < longAnswerLifetime {
		return h.body, h.ready, nil
	}
	answer := newReadinessAnswer(h.source.Status(), h.anyIssuer)
	if body, err = json.Marshal(answer); err != nil {
		return nil, false, err
	}
	body = append(body, '\n')
	h.body = nil
	if answer.NotListed > 0 {
		h.body, h.ready, h.built = body, answer.Ready, now
	}
	return body, answer.Ready, nil
}

func newReadinessAnswer(issuers []bearer.IssuerStatus, anyIssuer bool) readinessAnswer {
	isReady := make([]bool, len(issuers))
	ready := 0
	for i := range issuers {
		if isReady[i] = issuers[i].Ready(); isReady[i] {
			ready++
		}
	}
	listed := min(len(issuers), maxListed)
	answer := readinessAnswer{
		Ready:     ready > 0 && (anyIssuer || ready == len(issuers)),
		Issuers:   make([]issuerReadiness, 0, listed),
		NotListed: len(issuers) - listed,
	}
	numbers := make([]issuerNumbers, listed)    // one allocation for all issuers
	for _, first := range []bool{true, false} { // if some issuers are not listed, those without keys come first
		for i := range issuers {
			isFirst := !isReady[i] || listed == len(issuers)
			if n := len(answer.Issuers); n < listed && isFirst == first {
				answer.Issuers = append(answer.Issuers, readinessOf(&issuers[i], &numbers[n]))
			}
		}
	}
	return answer
}

// issuerNumbers holds the numbers that an issuerReadiness points to.
type issuerNumbers struct {
	keys int
	age  float64
}

// readinessOf returns the state of an issuer in the answer. The result points into issuer and
// numbers.
func readinessOf(issuer *bearer.IssuerStatus, numbers *issuerNumbers) issuerReadiness {
	r := issuerReadiness{Issuer: issuer.Issuer, Ready: issuer.Ready()}
	for i := range issuer.Sources {
		source := &issuer.Sources[i]
		state := sourceReadiness{Ready: source.Ready, Stale: source.Stale, Keys: len(source.Keys)}
		if !source.LastSuccess.IsZero() {
			age := source.Age.Seconds()
			state.Age = &age
		}
		r.Sources = append(r.Sources, state)
	}
	keys := issuer.Keys
	if keys == nil {
		return r
	}
	numbers.keys = len(keys.Keys)
	r.Keys, r.Stale, r.Restored = &numbers.keys, &keys.Stale, keys.Restored
	if !keys.LastSuccess.IsZero() {
		numbers.age = keys.Age.Seconds()
		r.Age = &numbers.age
	}
	return r
}
