// Package refusal says how a refused request is answered. It holds the one table of HTTP
// status, gRPC code, error code, description and challenge by reason, so that both
// transports tell a client the same.
package refusal

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// Answer is what a client may learn about why it is refused. Nothing in it comes from
// the request.
type Answer struct {
	// Reason is the reason that the rest is made of.
	Reason bearer.Reason
	// Status is the HTTP status code.
	Status int
	// Code is the gRPC status code, a value of google.golang.org/grpc/codes: users of
	// net/http must not have to build grpc.
	Code uint32
	// Error is the error code: one of RFC 6750, section 3.1, or "unauthorized",
	// "temporarily_unavailable" or "server_error".
	Error string
	// Description is one of a fixed set of sentences, in ASCII and without quotes. What
	// a client can do something about has a sentence of its own; how a forged token was
	// found out has none.
	Description string
	// Scopes are the scopes that would help.
	Scopes []string
	// RetryAfter is how long the client should wait. Zero: waiting does not help.
	RetryAfter time.Duration

	challenge challenge
}

// challenge is what a WWW-Authenticate field says of a reason.
type challenge int

const (
	noChallenge   challenge = iota // other credentials would not help
	bareChallenge                  // RFC 6750, section 3.1: no error code for a request without credentials
	fullChallenge                  // error, error_description and scope
)

// Codes of gRPC, as in google.golang.org/grpc/codes.
const (
	codePermissionDenied = 7
	codeInternal         = 13
	codeUnavailable      = 14
	codeUnauthenticated  = 16
)

// defaultRetry is the time to wait that a client is told if the refusal has none.
const defaultRetry = 5 * time.Second

// row is the part of an Answer that depends on the reason alone.
type row struct {
	status      int
	code        uint32
	error       string
	challenge   challenge
	retry       bool // waiting helps
	description string
}

// badToken is the row of a token that is not accepted.
func badToken(description string) row {
	return row{
		status: http.StatusUnauthorized, code: codeUnauthenticated, error: "invalid_token", challenge: fullChallenge,
		description: description,
	}
}

// invalid is the description of a token that is not genuine, whatever is wrong with it.
const invalid = "The access token is invalid"

// rows is the table.
//
//nolint:gochecknoglobals // constant in all but name
var rows = map[bearer.Reason]row{
	bearer.InvalidRequest: {
		status: http.StatusBadRequest,
		code:   codeUnauthenticated, // InvalidArgument would blame the message
		error:  "invalid_request", challenge: fullChallenge,
		description: "The request must carry exactly one bearer token",
	},
	bearer.NoToken: {
		status: http.StatusUnauthorized, code: codeUnauthenticated, error: "unauthorized", challenge: bareChallenge,
		description: "An access token is required",
	},
	bearer.Malformed:      badToken("The access token is malformed"),
	bearer.WrongIssuer:    badToken(invalid),
	bearer.WrongAlgorithm: badToken(invalid),
	bearer.UnknownKey:     badToken(invalid),
	bearer.BadSignature:   badToken(invalid),
	bearer.WrongType:      badToken(invalid),
	bearer.Expired:        badToken("The access token expired"),
	bearer.NotYetValid:    badToken("The access token is not valid yet"),
	bearer.WrongAudience:  badToken("The access token is not meant for this resource"),
	bearer.InvalidClaims:  badToken(invalid),
	bearer.WrongBinding:   badToken("Sender-constrained access tokens are not supported"),
	bearer.InvalidCustom:  badToken(invalid),
	bearer.Revoked:        badToken("The access token was revoked"),
	bearer.MissingScope: {
		status: http.StatusForbidden, code: codePermissionDenied, error: "insufficient_scope", challenge: fullChallenge,
		description: "The access token does not allow this",
	},
	bearer.KeysUnavailable: {
		status: http.StatusServiceUnavailable, code: codeUnavailable, error: "temporarily_unavailable", retry: true,
		description: "Access tokens cannot be verified at the moment",
	},
	bearer.Internal: {
		status: http.StatusInternalServerError, code: codeInternal, error: "server_error",
		description: "Internal error",
	},
}

// Of returns the answer to an error of [bearer.Decide]. An error without a [bearer.Error]
// in it, or with a reason that is not in the set, is a fault of ours: bearer.Internal.
func Of(err error) Answer {
	refused, ok := errors.AsType[*bearer.Error](err)
	if !ok || refused == nil {
		refused = &bearer.Error{Reason: bearer.Internal}
	}
	reason := refused.Reason
	r, ok := rows[reason]
	if !ok {
		reason = bearer.Internal
		r = rows[reason]
	}
	answer := Answer{
		Reason: reason, Status: r.status, Code: r.code, Error: r.error, Description: r.description,
		Scopes: sendable(refused.Missing), challenge: r.challenge,
	}
	if r.retry {
		if answer.RetryAfter = refused.RetryAfter; answer.RetryAfter <= 0 {
			answer.RetryAfter = defaultRetry
		}
	}
	return answer
}

// sendable returns the names that are scopes of RFC 6749, section 3.3. A rule's own names
// were checked, but a refusal may come from elsewhere, and its names must not end the
// quoted string that they stand in.
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
