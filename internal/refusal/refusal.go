// Package refusal defines the answers to refused requests. One table lists the HTTP status,
// gRPC code, error code, description and challenge for each reason, so that HTTP and gRPC
// clients get the same answer.
package refusal

import (
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/errtree"
	"github.com/bearerkit/bearer/internal/norule"
	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/unverified"
	"github.com/bearerkit/bearer/scopes"
)

// Answer is everything that a client may learn about a refusal. It contains nothing from
// the request.
type Answer struct {
	// Reason is the reason that the client may learn. It determines Status, Code, Error and
	// Description. There is one exception: if the request has no rule, Error is "forbidden".
	// It is [InvalidToken] if the signature of the token was not verified.
	Reason bearer.Reason
	// Status is the HTTP status code.
	Status int
	// Code is the gRPC status code, a value of google.golang.org/grpc/codes. It has type
	// uint32, so that programs without gRPC do not need package grpc.
	Code uint32
	// Error is an error code of RFC 6750, section 3.1, or of RFC 9449 ("invalid_dpop_proof",
	// "use_dpop_nonce"), or "unauthorized", "forbidden", "temporarily_unavailable" or
	// "server_error".
	Error string
	// Description is a sentence from a fixed list. It is ASCII without quotes. If a reason
	// helps an honest client, the reason has its own sentence. The other reasons for an
	// invalid token share one sentence. Every token whose signature was not verified gets this
	// sentence, so that an attacker does not learn which check failed.
	Description string
	// Scopes contains the valid scopes in the field Required of the [bearer.Error], or in
	// Missing if Required is empty. The challenge and the body name these scopes.
	Scopes []string
	// Missing contains the valid scopes in the field Missing of the [bearer.Error].
	Missing []string
	// Nonce is the nonce for the next proof (RFC 9449, section 9). It is empty for all other refusals.
	Nonce string
	// RetryAfter is the time that the client should wait before it tries again. Zero:
	// waiting does not help.
	RetryAfter time.Duration

	challenge challenge
	scheme    string           // the scheme of the request; "" if it has none, or if the verifier has no bindings
	accepts   []bearer.Binding // see bearer.Error.Accepts
}

// challenge determines which parameters the WWW-Authenticate field contains.
type challenge int

const (
	noChallenge   challenge = iota // the client cannot solve the problem with other credentials
	bareChallenge                  // no error code, because the request has no credentials (RFC 6750, section 3.1), or no scope helps
	fullChallenge                  // with "error", "error_description" and "scope"
)

// These gRPC status codes have the values of package google.golang.org/grpc/codes.
const (
	codePermissionDenied = 7
	codeInternal         = 13
	codeUnavailable      = 14
	codeUnauthenticated  = 16
)

// defaultRetry is the RetryAfter of an answer if waiting helps and the error contains no
// RetryAfter.
const defaultRetry = 5 * time.Second

// row is the part of an Answer that depends only on the reason.
type row struct {
	status      int
	code        uint32
	error       string
	challenge   challenge
	retry       bool // the answer has a RetryAfter, because waiting helps
	description string
}

// invalidToken returns the row of an invalid token.
func invalidToken(description string) row {
	return row{
		status: http.StatusUnauthorized, code: codeUnauthenticated, error: "invalid_token", challenge: fullChallenge,
		description: description,
	}
}

// dpopRow returns the row of an invalid proof (RFC 9449, sections 7.1 and 9).
func dpopRow(code, description string) row {
	r := invalidToken(description)
	r.error = code
	return r
}

// These descriptions replace the descriptions in rows.
const (
	// unmatched is for WrongBinding, if the verifier accepts bound tokens.
	unmatched = "The access token, its scheme and the proof of possession do not fit each other"
	// used is for InvalidProof, if the proof was used before. An honest client gets it if its HTTP
	// library has repeated a request, and then sends a new proof (RFC 9449, section 7.3).
	used = "The DPoP proof was used before"
)

// commonDescription is the description for most invalid tokens. It does not tell the client
// which check failed.
const commonDescription = "The access token is invalid"

// InvalidToken is the reason that a client learns if the signature of its token was not
// verified, whatever the true reason is. It is not a reason of package bearer, because
// errors, events and logs contain the true reason. But Of accepts an error with this reason,
// so that a gateway can pass on the reason that it gets from a gRPC service.
const InvalidToken bearer.Reason = "invalid_token" //nolint:errname // the constants of package bearer have such names too

// Forbidden is the reason in the body of an HTTP response to a request with a valid token and
// without a rule. [bearer.MissingScope], which is the reason in errors, events and logs, can make a
// client request a scope, but no scope helps. It is not a reason of package bearer.
const Forbidden bearer.Reason = "forbidden" //nolint:errname // the constants of package bearer have such names too

// rows is the table of answers.
//
//nolint:gochecknoglobals,exhaustive // the table never changes; the function told replaces the reasons that have no row
var rows = map[bearer.Reason]row{
	bearer.InvalidRequest: {
		status: http.StatusBadRequest,
		code:   codeUnauthenticated, // not InvalidArgument, which is for invalid messages
		error:  "invalid_request", challenge: fullChallenge,
		description: "The request must carry exactly one bearer token",
	},
	bearer.NoToken: {
		status: http.StatusUnauthorized, code: codeUnauthenticated, error: "unauthorized", challenge: bareChallenge,
		description: "An access token is required",
	},
	InvalidToken:         invalidToken(commonDescription),
	bearer.WrongType:     invalidToken(commonDescription),
	bearer.Expired:       invalidToken("The access token expired"),
	bearer.NotYetValid:   invalidToken("The access token is not valid yet"),
	bearer.WrongAudience: invalidToken("The access token is not meant for this resource"),
	bearer.InvalidClaims: invalidToken(commonDescription),
	bearer.WrongBinding:  invalidToken("Sender-constrained access tokens are not supported"),
	bearer.InvalidProof:  dpopRow("invalid_dpop_proof", "The DPoP proof is missing or invalid"),
	bearer.ProofNonce:    dpopRow("use_dpop_nonce", "The DPoP proof must have the nonce of this answer"),
	bearer.InvalidCustom: invalidToken(commonDescription),
	bearer.Revoked:       invalidToken("The access token was revoked"),
	bearer.MissingScope: {
		status: http.StatusForbidden, code: codePermissionDenied, error: "insufficient_scope", challenge: fullChallenge,
		description: "The access token does not allow this",
	},
	bearer.KeysUnavailable: {
		status: http.StatusServiceUnavailable, code: codeUnavailable, error: "temporarily_unavailable", retry: true,
		description: "Access tokens cannot be verified at the moment",
	},
	bearer.KeyNotAsked: {
		status: http.StatusServiceUnavailable, code: codeUnavailable, error: "temporarily_unavailable", retry: true,
		description: "The key of the access token is not known yet",
	},
	bearer.Unavailable: {
		status: http.StatusServiceUnavailable, code: codeUnavailable, error: "temporarily_unavailable", retry: true,
		description: "The request cannot be checked at the moment",
	},
	bearer.Internal: {
		status: http.StatusInternalServerError, code: codeInternal, error: "server_error",
		description: "Internal error",
	},
}

// noRule is the row of a request with a valid token and without a rule. Its answer must not
// contain insufficient_scope, because no scope helps. Some
// clients react to insufficient_scope with a request for a scope that does not exist.
//
//nolint:gochecknoglobals // the row never changes
var noRule = func() row {
	r := rows[bearer.MissingScope]
	r.error, r.challenge = "forbidden", bareChallenge
	return r
}()

// Of returns the answer to an error of [bearer.Decide]. If the error contains no
// [bearer.Error] or the [bearer.Error] has an unknown reason, this service is at fault. The
// answer then has the reason [bearer.Internal]. The same applies if a method of err panics,
// and if err contains more than [errtree.Max] errors or wraps itself. Of never panics.
func Of(err error) Answer {
	refused := find(err)
	if refused == nil {
		refused = &bearer.Error{Reason: bearer.Internal}
	}
	reason := told(refused.Reason, err)
	r, ok := rows[reason]
	if !ok {
		reason = bearer.Internal
		r = rows[reason]
	}
	missing := sendable(refused.Missing)
	names := sendable(refused.Required)
	if len(names) == 0 {
		names = missing
	}
	if reason == bearer.MissingScope && norule.Is(refused.Err) {
		r, names, missing = noRule, nil, nil
	}
	answer := Answer{
		Reason: reason, Status: r.status, Code: r.code, Error: r.error, Description: r.description,
		Scopes: names, Missing: missing, challenge: r.challenge, scheme: refused.Scheme, accepts: refused.Accepts,
	}
	switch {
	case reason == bearer.WrongBinding && len(refused.Accepts) > 0:
		answer.Description = unmatched
	case reason == bearer.InvalidProof && wraps(refused.Err, proof.ErrUsed):
		answer.Description = used
	case reason == bearer.ProofNonce:
		answer.Nonce = refused.Nonce
	}
	if r.retry {
		if answer.RetryAfter = refused.RetryAfter; answer.RetryAfter <= 0 {
			answer.RetryAfter = defaultRetry
		}
	}
	return answer
}

// wraps reports whether err is target or wraps it. It calls no method of err but Unwrap.
func wraps(err, target error) (found bool) {
	defer func() {
		if recover() != nil { // a method of a caller's error panicked
			found = false
		}
	}()
	tree := errtree.New(err)
	for err := tree.Next(); err != nil; err = tree.Next() {
		if err == target { //nolint:errorlint // the loop unwraps the error
			return true
		}
		tree.Enter(err)
	}
	return false
}

// HTTPReason returns the reason for the body of an HTTP response. It tells no more than Status, Error
// and Description: it is [InvalidToken] for all reasons with the common description, such as
// [bearer.InvalidClaims], even if the signature was verified. The field Reason, which gRPC clients
// get, tells these reasons apart. It is [Forbidden] if the request has no rule.
func (a Answer) HTTPReason() bearer.Reason {
	switch {
	case a.Description == commonDescription:
		return InvalidToken
	case a.Error == noRule.error:
		return Forbidden
	}
	return a.Reason
}

// told returns the reason that the client may learn. If a reason says that no signature was
// verified, or if err is marked with [unverified.Mark], this reason is InvalidToken.
func told(reason bearer.Reason, err error) bearer.Reason {
	switch reason { //nolint:exhaustive // the client learns all other reasons
	case bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey, bearer.BadSignature:
		return InvalidToken
	case bearer.WrongType, bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.InvalidClaims, bearer.WrongBinding,
		bearer.InvalidProof, bearer.ProofNonce, bearer.InvalidCustom, bearer.Revoked:
		if unverified.Is(err) {
			return InvalidToken
		}
	}
	return reason
}

// find returns the first *bearer.Error in err, as errors.AsType does. It returns nil if there
// is none, or if it cannot search err.
func find(err error) (refused *bearer.Error) {
	if own, ok := err.(*bearer.Error); ok { //nolint:errorlint // almost all errors have this type
		return own
	}
	defer func() {
		if recover() != nil { // a method of a caller's error panicked
			refused = nil
		}
	}()
	tree := errtree.New(err)
	for err := tree.Next(); err != nil; err = tree.Next() {
		if own, ok := err.(*bearer.Error); ok { //nolint:errorlint // the loop unwraps the error
			return own
		}
		if own, ok := err.(interface{ As(target any) bool }); ok && own.As(&refused) {
			return refused
		}
		tree.Enter(err)
	}
	return nil
}

// sendable returns the names that are valid scopes (RFC 6749, section 3.3). Scopes of rules
// are always valid, but an error from other code can contain any text. For example, a quote
// in a name ends the quoted string in the challenge too early.
func sendable(names []string) []string {
	bad := func(name string) bool {
		_, err := scopes.Of(name)
		return err != nil
	}
	if !slices.ContainsFunc(names, bad) {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), bad)
}
