package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bearerkit/bearer/internal/refusal"
)

// Refusal is the answer to a request that is refused, and all that its client may learn
// about why. Nothing in it comes from the request but the choice between two forms of
// the body.
type Refusal struct {
	// Status is the status code.
	Status int
	// Header is the fields of the answer: Content-Type, WWW-Authenticate and others. They
	// replace those that are there, and a Content-Length is removed; only
	// Access-Control-Expose-Headers is added to what is there.
	Header http.Header
	// Body is the body. It is empty for HEAD.
	Body []byte
	// Error is the error code: of RFC 6750, section 3.1 where it has one, and
	// otherwise "unauthorized", "temporarily_unavailable" or "server_error".
	Error string
	// Description is one of a fixed set of sentences, in ASCII and without
	// quotes.
	Description string
	// Scopes is what the challenge names as the scopes that are needed.
	Scopes []string
}

// Deny answers a request with the [Guard.Refusal] of an error that Check returned.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	answer := refusal.Of(err)
	refused := g.refusal(w.Header(), r, answer, answer.Status)
	refused.write(w)
}

// Refusal returns the answer to a request with an error that Check returned, for
// transports that answer by themselves. It writes nothing and keeps neither argument. Of
// err only the reason, the missing scopes and the time to wait are in it; an err that is
// no [bearer.Error], or whose reason is not one of package bearer, is a 500.
func (g *Guard) Refusal(r *http.Request, err error) Refusal {
	answer := refusal.Of(err)
	return g.refusal(http.Header{}, r, answer, answer.Status)
}

// refusal returns the answer, whose fields it sets in h. The status may be another one
// than the reason's.
func (g *Guard) refusal(h http.Header, r *http.Request, answer refusal.Answer, status int) Refusal {
	refused := Refusal{Status: status, Error: answer.Error, Description: answer.Description, Scopes: slices.Clone(answer.Scopes)}
	contentType, body := g.body(r, refused) // before h is touched: the hook may panic
	refused.Header = h
	if r.Method != http.MethodHead {
		refused.Body = body
	}
	exposed := ""
	if challenges := g.challenges.For(answer); challenges != nil {
		h["Www-Authenticate"] = challenges
		exposed = "WWW-Authenticate"
	}
	if answer.RetryAfter > 0 {
		// In whole seconds (RFC 9110, section 10.2.3), rounded up: a client that
		// comes too early is refused again.
		h.Set("Retry-After", strconv.Itoa(int((answer.RetryAfter+time.Second-1)/time.Second)))
		exposed = "Retry-After"
	}
	if g.opts.ExposeChallenge && exposed != "" {
		h.Add("Access-Control-Expose-Headers", exposed)
	}
	h.Set("Content-Type", contentType)
	h.Del("Content-Length") // set by middleware in front, for another body
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	return refused
}

// write answers with the refusal, whose Header is that of w.
func (f *Refusal) write(w http.ResponseWriter) {
	w.WriteHeader(f.Status)
	if len(f.Body) > 0 {
		_, _ = w.Write(f.Body) //nolint:gosec // texts of ours; there is nobody to tell if the client is gone
	}
}
