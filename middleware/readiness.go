package middleware

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/health"
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

// issuerReadiness is the state of one issuer in the answer.
type issuerReadiness struct {
	Issuer string `json:"issuer"`
	Ready  bool   `json:"ready"`
	// The members below are absent if the issuer has a fixed key set.
	Stale    *bool    `json:"stale,omitempty"`
	Restored bool     `json:"restored,omitempty"`
	Keys     *int     `json:"keys,omitempty"`
	Age      *float64 `json:"age_seconds,omitempty"`
}

// NewReadiness returns a handler for readiness checks of load balancers and orchestrators.
// The handler answers GET and HEAD with 200 if this process can verify tokens, and with 503
// if keys were never loaded or are too old. The JSON body contains the state of each issuer,
// with the number of its keys and the age of the keys in seconds. The log contains the
// errors; the body does not. Requests need no token. If source is nil, NewReadiness returns an
// error.
//
// Do not use the handler as a liveness check. A restart of the process does not end an
// outage of the issuer, and the process loses the keys in its memory.
func NewReadiness(source bearer.StatusReporter, opts *ReadinessOptions) (http.Handler, error) {
	if nilcheck.IsNil(source) {
		return nil, errors.New("middleware: NewReadiness: source: nil; pass the verifier")
	}
	anyIssuer := opts != nil && opts.AnyIssuer
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		status := source.Status()
		answer := struct {
			Ready   bool              `json:"ready"`
			Issuers []issuerReadiness `json:"issuers"`
		}{health.Ready(status, anyIssuer), make([]issuerReadiness, len(status))}
		for i, s := range status {
			answer.Issuers[i] = readinessOf(s)
		}
		body, err := json.Marshal(answer)
		if err != nil { // cannot happen, because these values always have a JSON form
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if r.Method != http.MethodHead {
			_, _ = w.Write(append(body, '\n')) // an error means that the client is gone
		}
	}), nil
}

func readinessOf(s bearer.IssuerStatus) issuerReadiness {
	r := issuerReadiness{Issuer: s.Issuer, Ready: s.Ready()}
	if s.Keys == nil {
		return r
	}
	keys, stale := len(s.Keys.Keys), s.Keys.Stale
	r.Keys, r.Stale, r.Restored = &keys, &stale, s.Keys.Restored
	if !s.Keys.LastSuccess.IsZero() {
		age := s.Keys.Age.Seconds()
		r.Age = &age
	}
	return r
}
