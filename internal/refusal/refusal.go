// Package refusal defines the answers to refused requests. One table lists the HTTP status,
// gRPC code, error code, description and challenge for each reason, so that HTTP and gRPC
// clients get the same answer.
package refusal

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// Answer is everything that a client may learn about a refusal. It contains nothing from
// the request.
type Answer struct {
	// Reason is the reason of the refusal. It determines the other fields.
	Reason bearer.Reason
	// Status is the HTTP status code.
	Status int
	// Code is the gRPC status code, a value of google.golang.org/grpc/codes. It has type
	// uint32, so that programs without gRPC do not need package grpc.
	Code uint32
	// Error is the error code: one of RFC 6750, section 3.1, or "unauthorized",
	// "temporarily_unavailable" or "server_error".
	Error string
	// Description is one of a fixed set of sentences, in ASCII and without quotes. Reasons
	// that help an honest client have their own sentences. The other reasons for an invalid
	// token share one sentence, so that an attacker does not learn which check failed.
	Description string
	// Scopes contains the required scopes that the token lacks.
	Scopes []string
	// RetryAfter is how long the client should wait. Zero: waiting does not help.
	RetryAfter time.Duration

	challenge challenge
}

// challenge is the content of the WWW-Authenticate field for a reason.
type challenge int

const (
	noChallenge   challenge = iota // the client cannot solve the problem with other credentials
	bareChallenge                  // RFC 6750, section 3.1: no error code for a request without credentials
	fullChallenge                  // error, error_description and scope
)

// gRPC status codes, with the values of google.golang.org/grpc/codes.
const (
	codePermissionDenied = 7
	codeInternal         = 13
	codeUnavailable      = 14
	codeUnauthenticated  = 16
)

// defaultRetry is the time to wait if the refusal contains none.
const defaultRetry = 5 * time.Second

// row is the part of an Answer that depends only on the reason.
type row struct {
	status      int
	code        uint32
	error       string
	challenge   challenge
	retry       bool // waiting helps
	description string
}

// badToken returns the row of an invalid token.
func badToken(description string) row {
	return row{
		status: http.StatusUnauthorized, code: codeUnauthenticated, error: "invalid_token", challenge: fullChallenge,
		description: description,
	}
}

// invalid is the description for most invalid tokens. It hides which check failed.
const invalid = "The access token is invalid"

// rows is the table of answers.
//
//nolint:gochecknoglobals // it never changes
var rows = map[bearer.Reason]row{
	bearer.InvalidRequest: {
		status: http.StatusBadRequest,
		code:   codeUnauthenticated, // InvalidArgument is for invalid messages
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

// Of returns the answer to an error of [bearer.Decide]. An error that contains no
// [bearer.Error], or a [bearer.Error] with an unknown reason, is a fault of this service and
// counts as [bearer.Internal].
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

// sendable returns the names that are valid scopes (RFC 6749, section 3.3). Scopes of rules
// are always valid, but an error of other code can contain any text, for example a quote,
// which ends the quoted string of the challenge.
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
