package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
)

// defaultRetry is what a client is told to wait where nobody knows better.
const defaultRetry = 5 * time.Second

// Deny answers a request with the refusal that Check returned: status, challenge
// and a small JSON body of fixed texts. Of err only the reason, the missing scopes
// and the time to wait reach the client; an err of another kind is a 500.
func (g *Guard) Deny(w http.ResponseWriter, _ *http.Request, err error) {
	refusal, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		refusal = &bearer.Error{Reason: bearer.Internal}
	}
	h := w.Header()
	if text := g.challenges.For(refusal); text != "" {
		h.Set("WWW-Authenticate", text)
	}
	if refusal.Reason == bearer.KeysUnavailable {
		wait := refusal.RetryAfter
		if wait <= 0 {
			wait = defaultRetry
		}
		// Whole seconds (RFC 9110, section 10.2.3), rounded up: a client that
		// comes too early is refused again.
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	w.WriteHeader(status(refusal.Reason))
	// Both texts are ours and need no escaping. There is nobody to tell if the
	// client is gone.
	_, _ = fmt.Fprintf(w, "{\"error\":%q,\"error_description\":%q}\n", code(refusal.Reason), guard.Describe(refusal.Reason))
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
