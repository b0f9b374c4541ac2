package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer"
)

// kind is a kind of call: an accepted call, or a call with exactly one fault.
type kind struct {
	name         string
	token        func(tokens) string
	reason       bearer.Reason // expected reason of the refusal; "" if the call must be accepted
	missingScope bool          // calls a method for which the client lacks the scope
	signed       bool          // needs a new token that only the issuer can sign
}

func kinds() []kind {
	return []kind{
		{name: "accepted", token: tokens.accepted},
		{name: "no token", token: tokens.none, reason: bearer.NoToken},
		{name: "expired", token: tokens.expired, reason: bearer.Expired, signed: true},
		{name: "tampered", token: tokens.tampered, reason: bearer.BadSignature},
		{name: "wrong audience", token: tokens.wrongAudience, reason: bearer.WrongAudience, signed: true},
		{name: "wrong issuer", token: tokens.wrongIssuer, reason: bearer.WrongIssuer, signed: true},
		{name: "missing scope", token: tokens.accepted, reason: bearer.MissingScope, missingScope: true},
	}
}

// transport is one way to call the API.
type transport struct {
	name string
	// call makes a request. An empty token sends no token. missingScope selects a
	// method for which the client lacks the scope.
	call func(ctx context.Context, token string, missingScope bool) (outcome, error)
	want func(bearer.Reason) outcome
}

// outcome is the result of a call.
type outcome struct {
	status string  // "401 Unauthorized", "PermissionDenied"
	reason string  // the error code in the challenge, or the reason in the gRPC status
	detail string  // the whole challenge or status
	caller *caller // the caller that the handler saw; nil if no handler ran
}

// row is one call in the table.
type row struct {
	kind, transport string
	want, got       outcome
	problems        []string
	skipped         string // why the call was not made; "" if it was made
}

// callAll makes every kind of call over every transport and prints the table. It
// returns an error if an outcome is wrong.
func (q quickstart) callAll(ctx context.Context, env *environment, good string, a *api) error {
	toks, err := newTokens(good, env.sign)
	if err != nil {
		return err
	}
	wantCaller := toks.caller()
	if env.caller != nil {
		wantCaller = *env.caller
	}
	client, err := newGRPCClient(a.grpcAddr)
	if err != nil {
		return err
	}
	defer client.close()
	transports := []transport{
		{"HTTP", httpClient(a.httpAddr).call, wantHTTP},
		{"gRPC unary", client.unary, wantGRPC},
		{"gRPC stream", client.stream, wantGRPC},
	}
	var rows []row
	for _, k := range kinds() {
		for _, t := range transports {
			rows = append(rows, makeCall(ctx, k, t, toks, wantCaller))
		}
	}
	return report(q.stdout, rows)
}

// makeCall makes one call and compares the actual with the expected outcome.
func makeCall(ctx context.Context, k kind, t transport, toks tokens, wantCaller caller) row {
	r := row{kind: k.name, transport: t.name, want: t.want(k.reason)}
	if k.signed && toks.sign == nil {
		r.skipped = "needs the issuer's private key"
		return r
	}
	if k.reason == "" {
		r.want.caller = &wantCaller
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	if r.got, err = t.call(ctx, k.token(toks), k.missingScope); err != nil {
		r.got = outcome{status: "no response", detail: err.Error()}
	}
	r.problems = compare(r.want, r.got)
	return r
}

// compare returns the differences between the expected and the actual outcome. A refusal
// must have the expected reason. The handler of an accepted call must have seen the
// expected caller.
func compare(want, got outcome) []string {
	var problems []string
	if got.status != want.status {
		problems = append(problems, fmt.Sprintf("status %s, want %s", got.status, want.status))
	}
	if got.reason != want.reason {
		problems = append(problems, fmt.Sprintf("reason %q, want %q", got.reason, want.reason))
	}
	switch {
	case want.caller == nil && got.caller != nil:
		problems = append(problems, "a refused call reached a handler")
	case want.caller != nil && got.caller == nil:
		problems = append(problems, "the response names no caller")
	case want.caller != nil && *got.caller != *want.caller:
		problems = append(problems, fmt.Sprintf("the handler saw %s, want %s", got.caller, want.caller))
	}
	if want.caller == nil && got.detail == "" {
		problems = append(problems, "the refusal has no challenge and no details")
	}
	return problems
}

func wantHTTP(reason bearer.Reason) outcome {
	switch reason {
	case "":
		return outcome{status: httpStatus(http.StatusCreated)}
	case bearer.NoToken:
		return outcome{status: httpStatus(http.StatusUnauthorized)} // without an error code: RFC 6750, section 3.1
	case bearer.MissingScope:
		return outcome{status: httpStatus(http.StatusForbidden), reason: "insufficient_scope"}
	default:
		return outcome{status: httpStatus(http.StatusUnauthorized), reason: "invalid_token"}
	}
}

func wantGRPC(reason bearer.Reason) outcome {
	o := outcome{status: codes.Unauthenticated.String(), reason: strings.ToUpper(string(reason))}
	switch reason {
	case "":
		o.status = codes.OK.String()
	case bearer.MissingScope:
		o.status = codes.PermissionDenied.String()
	default:
	}
	return o
}

func httpStatus(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }
