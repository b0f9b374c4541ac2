package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer"
)

// kind is what is the matter with a call.
type kind struct {
	name   string
	token  func(tokens) string
	reason bearer.Reason // that it must be refused for; "" where it must pass
	beyond bool          // asks for what the client has no scope for
	signed bool          // needs a token that only the issuer can make
}

func kinds() []kind {
	return []kind{
		{name: "accepted", token: tokens.accepted},
		{name: "no token", token: tokens.none, reason: bearer.NoToken},
		{name: "expired", token: tokens.expired, reason: bearer.Expired, signed: true},
		{name: "tampered", token: tokens.tampered, reason: bearer.BadSignature},
		{name: "wrong audience", token: tokens.wrongAudience, reason: bearer.WrongAudience, signed: true},
		{name: "wrong issuer", token: tokens.wrongIssuer, reason: bearer.WrongIssuer, signed: true},
		{name: "missing scope", token: tokens.accepted, reason: bearer.MissingScope, beyond: true},
	}
}

// transport is one way to call the API.
type transport struct {
	name string
	// call makes a request with a token, or without one where it is "". It
	// asks for more than the client may where beyond says so.
	call func(ctx context.Context, token string, beyond bool) (outcome, error)
	want func(bearer.Reason) outcome
}

// outcome is what came of a call.
type outcome struct {
	status string  // "401 Unauthorized", "PermissionDenied"
	reason string  // error code of the challenge, or reason in the status
	detail string  // the challenge or the status in full
	caller *caller // as the handler saw it
}

// row is a call and what is to be said about it.
type row struct {
	kind, over string
	want, got  outcome
	problems   []string
	skipped    string // why it was not made
}

// callAll makes every kind of call over every transport, prints the table and
// fails if one verdict is wrong.
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
			rows = append(rows, try(ctx, k, t, toks, wantCaller))
		}
	}
	return report(q.stdout, rows)
}

// try makes one call and judges what came of it.
func try(ctx context.Context, k kind, t transport, toks tokens, wantCaller caller) row {
	r := row{kind: k.name, over: t.name, want: t.want(k.reason)}
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
	if r.got, err = t.call(ctx, k.token(toks), k.beyond); err != nil {
		r.got = outcome{status: "no answer", detail: err.Error()}
	}
	r.problems = judge(r.want, r.got)
	return r
}

// judge returns what is wrong with an outcome. That a call was refused is not
// enough: it must be for the right reason. That it passed is not enough either:
// the handler must know who called.
func judge(want, got outcome) []string {
	var problems []string
	if got.status != want.status {
		problems = append(problems, fmt.Sprintf("status %s, want %s", got.status, want.status))
	}
	if got.reason != want.reason {
		problems = append(problems, fmt.Sprintf("reason %q, want %q", got.reason, want.reason))
	}
	switch {
	case want.caller == nil && got.caller != nil:
		problems = append(problems, "a handler was reached")
	case want.caller != nil && got.caller == nil:
		problems = append(problems, "no handler told who called")
	case want.caller != nil && *got.caller != *want.caller:
		problems = append(problems, fmt.Sprintf("the handler saw %s, want %s", got.caller, want.caller))
	}
	if want.caller == nil && got.detail == "" {
		problems = append(problems, "a refusal without a challenge or detail")
	}
	return problems
}

func wantHTTP(reason bearer.Reason) outcome {
	switch reason {
	case "":
		return outcome{status: httpStatus(http.StatusCreated)}
	case bearer.NoToken:
		return outcome{status: httpStatus(http.StatusUnauthorized)} // and no error code: RFC 6750, section 3.1
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
