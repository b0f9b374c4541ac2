package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/probe"
	"github.com/bearerkit/bearer/internal/refusal"
)

// Refusal is the answer to a refused request. It contains everything that the client may
// learn about the refusal. Only the body and its content type depend on the request. The
// other parts depend on the error and on the options of the guard.
type Refusal struct {
	// Status is the HTTP status code.
	Status int
	// Header contains the response fields, such as Content-Type and WWW-Authenticate. Deny
	// replaces fields of the same names that other middleware has set. There are two
	// exceptions: Deny adds a value to an existing Access-Control-Expose-Headers, and
	// removes an existing Content-Length.
	Header http.Header
	// Body is the response body. It is empty for HEAD.
	Body []byte
	// Error is an error code of RFC 6750, section 3.1, or of RFC 9449 ("invalid_dpop_proof" or
	// "use_dpop_nonce"), or "unauthorized", "forbidden", "temporarily_unavailable" or "server_error". It is "forbidden" if the token is valid but
	// the request has no rule ([scopes.ErrNoRule]). No scope helps in this case.
	Error string
	// Description is a sentence from a fixed list. It is ASCII without quotes. It is the same
	// for all tokens whose signatures were not verified.
	Description string
	// Reason is the reason of the refusal, for programs. It tells no more than Status, Error and
	// Description. If the description is "The access token is invalid", Reason is "invalid_token",
	// whatever the reason in the error is. If the token is valid but the request has no rule, Reason
	// is "forbidden". Package bearer has no constants for these two.
	Reason bearer.Reason
	// Scopes contains the scopes that the challenge names. If the token lacks scopes, the list
	// contains all scopes that the client needs for this operation, even those that the token
	// grants; see bearer.Error.Required.
	Scopes []string
}

// Deny answers a request that Check refused with err. It writes the result of
// [Guard.Refusal] to w. Pass the error of Check itself, or an error that wraps it: an error
// that you make from its Reason tells the client the reason, even if the signature of the
// token was not verified.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	answer := refusal.Of(err)
	refused := g.refusal(w.Header(), r, answer, answer.Status)
	refused.write(w)
}

// Refusal returns the answer to the request r that Check refused with err. Use Refusal in a
// program that writes the answer itself. Refusal writes no response and does not keep r or
// err. From err, Refusal uses only the reason, the required and missing scopes, the time to wait, the
// schemes and the nonce for the challenges, whether the request has no rule, whether the signature of
// the token was verified, and whether a proof was used before. The reason
// "invalid_token" of a gRPC service, in lower case, is the reason of every token whose
// signature was not verified. If err contains no [bearer.Error] or the [bearer.Error]
// has an unknown reason, the status is 500. The same applies if a method of err panics, or if
// err contains more than 10,000 errors. If err contains several errors of type
// *[bearer.Error], the first one counts.
func (g *Guard) Refusal(r *http.Request, err error) Refusal {
	answer := refusal.Of(err)
	return g.refusal(http.Header{}, r, answer, answer.Status)
}

// The method refusal returns the answer with this status, and sets the response fields in
// h. If [Guard.ForwardAuth] calls the method, the status can differ from answer.Status.
func (g *Guard) refusal(h http.Header, r *http.Request, answer refusal.Answer, status int) Refusal {
	probe.Refused(r.Context())
	refused := Refusal{
		Status: status, Error: answer.Error, Description: answer.Description, Reason: answer.HTTPReason(), Scopes: slices.Clone(answer.Scopes),
	}
	contentType, body := g.body(r, refused) // called before h is changed, because Options.Body may panic
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
		// Retry-After is a number of whole seconds (RFC 9110, section 10.2.3). The time is
		// rounded up, because a client that retries too early is refused again.
		h.Set("Retry-After", strconv.Itoa(int((answer.RetryAfter+time.Second-1)/time.Second)))
		exposed = "Retry-After"
	}
	if answer.Nonce != "" {
		h[nonceField] = []string{answer.Nonce}
		exposed += ", DPoP-Nonce"
	}
	if g.opts.ExposeChallenge && exposed != "" {
		h.Add(exposeHeaders, exposed)
	}
	h.Set("Content-Type", contentType)
	h.Del("Content-Length") // middleware before the guard may have set Content-Length for a different body
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	return refused
}

// write sends the status and the body to w. f.Header must be the header of w.
func (f *Refusal) write(w http.ResponseWriter) {
	w.WriteHeader(f.Status)
	if len(f.Body) > 0 {
		_, _ = w.Write(f.Body) //nolint:gosec // the text is from this package or Options.Body; an error means that the client is gone
	}
}
