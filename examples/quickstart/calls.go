package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer"
)

// callKind is a kind of call. Either the API must accept the call, or the call has exactly
// one fault.
type callKind struct {
	name         string
	token        func(tokenMaker) string
	reason       bearer.Reason // expected reason of the refusal; "" if the call must be accepted
	missingScope bool          // calls a method for which the client lacks the scope
	signed       bool          // needs a new token, which only the issuer can sign

	// proof makes the proof for a call with a bound token. It is nil for calls with a bearer token.
	proof    func(b *bound, method, uri string) (string, error)
	replayed bool // the same proof is sent twice, and the second call counts
}

func callKinds() []callKind {
	return []callKind{
		{name: "accepted", token: tokenMaker.accepted},
		{name: "no token", token: tokenMaker.none, reason: bearer.NoToken},
		{name: "expired", token: tokenMaker.expired, reason: bearer.Expired, signed: true},
		{name: "tampered", token: tokenMaker.tampered, reason: bearer.BadSignature},
		{name: "wrong audience", token: tokenMaker.wrongAudience, reason: bearer.WrongAudience, signed: true},
		{name: "wrong issuer", token: tokenMaker.wrongIssuer, reason: bearer.WrongIssuer, signed: true},
		{name: "missing scope", token: tokenMaker.accepted, reason: bearer.MissingScope, missingScope: true},
		{name: "bound, accepted", proof: (*bound).proof},
		{name: "bound, replayed", proof: (*bound).proof, reason: bearer.InvalidProof, replayed: true},
		{name: "bound, stolen", proof: (*bound).proofOfThief, reason: bearer.WrongBinding},
		{name: "bound, for PUT", proof: (*bound).proofForPUT, reason: bearer.InvalidProof},
	}
}

// transport is one way to call the API.
type transport struct {
	name string
	// call makes one call of the API. If missingScope is true, the request needs a scope that the
	// client lacks.
	call func(ctx context.Context, c credential, missingScope bool) (outcome, error)
	want func(bearer.Reason) outcome
}

// outcome is the result of a call.
type outcome struct {
	status string  // HTTP status or gRPC code, such as "401 Unauthorized" or "PermissionDenied"
	reason string  // error code in the HTTP challenge, or reason in the gRPC status
	detail string  // the whole HTTP challenge, or the whole gRPC status
	caller *caller // caller that the handler saw; nil if no handler ran
}

// row is one call in the table.
type row struct {
	kind, transport string
	want, got       outcome
	problems        []string
	skipped         string // explanation for a call that was not made; "" if the call was made
}

// callAll makes every kind of call over every transport and prints the table. If the
// outcome of a call is not the expected outcome, callAll returns an error.
func (q quickstart) callAll(ctx context.Context, env *environment, validToken string, a *api) error {
	toks, err := newTokenMaker(validToken, env.sign)
	if err != nil {
		return err
	}
	wantCaller := toks.caller()
	if env.caller != nil {
		wantCaller = *env.caller
	}
	bound, err := env.newBound(ctx)
	if err != nil {
		return err
	}
	client, err := newGRPCClient(a.grpcAddr)
	if err != nil {
		return err
	}
	defer client.close()
	transports := []transport{
		{"HTTP", httpClient(a.httpAddr).sendRequest, wantHTTP},
		{"gRPC unary", client.callUnary, wantGRPC},
		{"gRPC stream", client.callStream, wantGRPC},
	}
	var rows []row
	for _, k := range callKinds() {
		for _, t := range transports {
			rows = append(rows, makeCall(ctx, k, t, toks, bound, wantCaller))
		}
	}
	return printTable(q.stdout, q.screen(), rows)
}

// makeCall makes one call. It compares the actual outcome with the expected outcome.
func makeCall(ctx context.Context, k callKind, t transport, toks tokenMaker, b *bound, wantCaller caller) row {
	r := row{kind: k.name, transport: t.name, want: t.want(k.reason)}
	if k.signed && toks.sign == nil {
		r.skipped = "needs the issuer's private key"
		return r
	}
	if k.proof != nil && b == nil {
		r.skipped = "needs an issuer that issues tokens with the type DPoP"
		return r
	}
	if k.reason == "" {
		r.want.caller = &wantCaller
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var c credential
	if k.proof == nil {
		c.token = k.token(toks)
	} else {
		c = credential{token: b.token, proof: once(func(method, uri string) (string, error) { return k.proof(b, method, uri) })}
	}
	var err error
	if r.got, err = t.call(ctx, c, k.missingScope); k.replayed && err == nil && r.got.caller != nil {
		r.got, err = t.call(ctx, c, k.missingScope)
	}
	if err != nil {
		r.got = outcome{status: "no response", detail: err.Error()}
	}
	r.problems = differences(r.want, r.got)
	return r
}

// differences returns the differences between the expected outcome and the actual outcome.
// If the expected outcome is a refusal, the reasons must be equal. Otherwise, the handler
// must have seen the expected caller.
func differences(want, got outcome) []string {
	var problems []string
	if got.status != want.status {
		problems = append(problems, fmt.Sprintf("got status %s, want status %s", got.status, want.status))
	}
	if got.reason != want.reason {
		problems = append(problems, fmt.Sprintf("got reason %q, want reason %q", got.reason, want.reason))
	}
	switch {
	case want.caller == nil && got.caller != nil:
		problems = append(problems, "the call reached a handler, want a refusal")
	case want.caller != nil && got.caller == nil:
		problems = append(problems, "the response contains no caller")
	case want.caller != nil && *got.caller != *want.caller:
		problems = append(problems, fmt.Sprintf("the handler saw caller %s, want caller %s", got.caller, want.caller))
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
		return outcome{status: httpStatus(http.StatusUnauthorized)} // the challenge has no error code (RFC 6750, section 3.1)
	case bearer.MissingScope:
		return outcome{status: httpStatus(http.StatusForbidden), reason: "insufficient_scope"}
	case bearer.InvalidProof:
		return outcome{status: httpStatus(http.StatusUnauthorized), reason: "invalid_dpop_proof"}
	default:
		return outcome{status: httpStatus(http.StatusUnauthorized), reason: "invalid_token"}
	}
}

func wantGRPC(reason bearer.Reason) outcome {
	o := outcome{status: codes.Unauthenticated.String(), reason: strings.ToUpper(string(reason))}
	switch reason {
	case bearer.BadSignature, bearer.WrongIssuer:
		o.reason = "INVALID_TOKEN" // the client learns no more, because the signature was not verified
	case "":
		o.status = codes.OK.String()
	case bearer.MissingScope:
		o.status = codes.PermissionDenied.String()
	default:
	}
	return o
}

func httpStatus(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }
