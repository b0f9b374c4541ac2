package middleware

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
)

// defaultRetry is what a client is told to wait where nobody knows better.
const defaultRetry = 5 * time.Second

// Refusal is all that a client may learn of why it is refused. Nothing of it comes
// from the request.
type Refusal struct {
	// Status is the status of the response.
	Status int
	// Error is the error code: of RFC 6750, section 3.1 where it has one, and
	// otherwise "unauthorized", "temporarily_unavailable" or "server_error".
	Error string
	// Description is one of a fixed set of sentences, in ASCII and without
	// quotes.
	Description string
	// Scopes is what the challenge names as the scopes that are needed.
	Scopes []string
}

// Deny answers a request with the refusal that Check returned: status, challenge
// and the body of Options.Body. Of err only the reason, the missing scopes and
// the time to wait reach the client; an err of another kind is a 500.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	refusal := asRefusal(err)
	g.refuse(w, r, refusal, status(refusal.Reason))
}

func asRefusal(err error) *bearer.Error {
	if refusal, ok := errors.AsType[*bearer.Error](err); ok && refusal != nil {
		return refusal
	}
	return &bearer.Error{Reason: bearer.Internal}
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, e *bearer.Error, status int) {
	// First the body, since the hook may panic.
	contentType, body := g.body(r, Refusal{status, code(e.Reason), guard.Describe(e.Reason), guard.Scopes(e)})
	h := w.Header()
	exposed := ""
	if text := g.challenges.For(e); text != "" {
		h.Set("WWW-Authenticate", text)
		exposed = "WWW-Authenticate"
	}
	if e.Reason == bearer.KeysUnavailable {
		wait := e.RetryAfter
		if wait <= 0 {
			wait = defaultRetry
		}
		// Whole seconds (RFC 9110, section 10.2.3), rounded up: a client that
		// comes too early is refused again.
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		exposed = "Retry-After"
	}
	if g.opts.ExposeChallenge && exposed != "" {
		h.Add("Access-Control-Expose-Headers", exposed)
	}
	h.Set("Content-Type", contentType)
	h.Del("Content-Length") // of whoever thought to answer
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) //nolint:gosec // texts of ours; there is nobody to tell if the client is gone
	}
}

// status maps a reason by RFC 6750, section 3.1.
func status(reason bearer.Reason) int {
	switch reason {
	case bearer.InvalidRequest:
		return http.StatusBadRequest
	case bearer.MissingScope:
		return http.StatusForbidden
	case bearer.KeysUnavailable:
		return http.StatusServiceUnavailable
	case bearer.Internal:
		return http.StatusInternalServerError
	default:
		return http.StatusUnauthorized
	}
}

// code is the error code for the body, where every refusal has one.
func code(reason bearer.Reason) string {
	switch reason {
	case bearer.NoToken:
		return "unauthorized"
	case bearer.KeysUnavailable:
		return "temporarily_unavailable"
	case bearer.Internal:
		return "server_error"
	default:
		return guard.Code(reason)
	}
}
