package middleware

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/health"
	"github.com/bearerkit/bearer/internal/nilcheck"
)

// ReadinessOptions adjusts a readiness handler. The zero value, and nil, ask for
// the keys of every issuer.
type ReadinessOptions struct {
	// AnyIssuer answers 200 as soon as one issuer has keys: for services of many issuers,
	// where the outage of one must not stop the callers of the others. False: when every
	// issuer has keys.
	AnyIssuer bool
}

// issuerReadiness is one issuer in the answer.
type issuerReadiness struct {
	Issuer string `json:"issuer"`
	Ready  bool   `json:"ready"`
	// The following are not there for a fixed key set.
	Stale    *bool    `json:"stale,omitempty"`
	Restored bool     `json:"restored,omitempty"`
	Keys     *int     `json:"keys,omitempty"`
	Age      *float64 `json:"age_seconds,omitempty"`
}

// NewReadiness returns a handler for readiness checks: 200 where tokens can be
// verified, and 503 where they cannot, since keys were never loaded or are too
// old. Its JSON says so for each issuer, with the number of keys and their age in
// seconds, and names no fault: those are in the log. It is for
// whoever balances the load and needs no token; a nil source is an error.
//
// It must not be the check that restarts the process: an outage of the issuer
// does not end by that, and the keys that are known would be lost.
func NewReadiness(source bearer.StatusReporter, opts *ReadinessOptions) (http.Handler, error) {
	if nilcheck.IsNil(source) {
		return nil, errors.New("middleware: NewReadiness: source: nil")
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
		if err != nil { // of values of ours: it has none
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
			_, _ = w.Write(append(body, '\n')) // there is nobody to tell if the client is gone
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
