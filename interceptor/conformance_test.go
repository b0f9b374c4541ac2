package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// call is a unary call without a connection. It contains the answer of the guard.
type call struct {
	method  string
	header  metadata.MD
	err     error
	reached bool // the handler was called
}

func (c *call) Method() string                  { return c.method }
func (c *call) SetHeader(md metadata.MD) error  { c.header = metadata.Join(c.header, md); return nil }
func (c *call) SendHeader(md metadata.MD) error { return c.SetHeader(md) }
func (c *call) SetTrailer(metadata.MD) error    { return nil }

// callUnary makes a unary call with this metadata.
func callUnary(ctx context.Context, g *interceptor.Guard, method string, md metadata.MD) *call {
	c := &call{method: method}
	ctx = metadata.NewIncomingContext(grpc.NewContextWithServerTransportStream(ctx, c), md)
	_, c.err = g.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) {
		c.reached = true
		return nil, nil
	})
	return c
}

// refuser returns a guard whose verifier refuses all tokens with err.
func refuser(t *testing.T, err error) *interceptor.Guard {
	t.Helper()
	return newGuard(t, testkit.Refuse(err), scopes.Methods{say: scopes.All("say")}, nil)
}

// TestRules tests the guard against the rules of the checklist that concern only gRPC.
func TestRules(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	token := issuer.Token(nil)
	guard := newGuard(t, v, scopes.Methods{say: scopes.All(), "/test.v1.Open/Say": scopes.Public()}, nil)
	checklist.Test(t, "G01", func(t *checklist.T) {
		for _, row := range []struct {
			name string
			md   metadata.MD
			want codes.Code
		}{
			{"one value", metadata.MD{"authorization": {"Bearer " + token}}, codes.OK},
			{"scheme in mixed case", metadata.MD{"authorization": {"bEARER " + token}}, codes.OK},
			{"no metadata", nil, codes.Unauthenticated},
			{"no values", metadata.MD{"authorization": {}}, codes.Unauthenticated},
			{"two values", metadata.MD{"authorization": {"Bearer " + token, "Bearer " + token}}, codes.Unauthenticated},
			{"one value and an empty value", metadata.MD{"authorization": {"Bearer " + token, ""}}, codes.Unauthenticated},
			{"a list of tokens in one value", metadata.MD{"authorization": {"Bearer " + token + ",Bearer " + token}}, codes.Unauthenticated},
			{"a space after the token", metadata.MD{"authorization": {"Bearer " + token + " "}}, codes.Unauthenticated},
			{"a tab after the scheme", metadata.MD{"authorization": {"Bearer\t" + token}}, codes.Unauthenticated},
			{"the key authorization-bin", metadata.MD{"authorization-bin": {"Bearer " + token}}, codes.Unauthenticated},
			{"the key authorization-bin, and a valid token", metadata.MD{"authorization": {"Bearer " + token}, "authorization-bin": {"x"}}, codes.Unauthenticated},
			{"the key grpcgateway-authorization", metadata.MD{"grpcgateway-authorization": {"Bearer " + token}}, codes.Unauthenticated},
			{"a token of 64 KiB", metadata.MD{"authorization": {"Bearer " + strings.Repeat("a", 64<<10)}}, codes.Unauthenticated},
			{"a token of 1 MiB", metadata.MD{"authorization": {"Bearer " + strings.Repeat("a", 1<<20)}}, codes.Unauthenticated},
		} {
			c := callUnary(t.Context(), guard, say, row.md)
			t.Want(row.name, status.Code(c.err), row.want)
			t.Want(row.name+": the handler is called", c.reached, row.want == codes.OK)
		}
		testStreamOpening(t, guard, token)
	})
	checklist.Test(t, "G02", func(t *checklist.T) {
		for reason, want := range map[bearer.Reason]codes.Code{
			bearer.InvalidRequest: codes.Unauthenticated, bearer.NoToken: codes.Unauthenticated, bearer.Malformed: codes.Unauthenticated,
			bearer.WrongIssuer: codes.Unauthenticated, bearer.WrongAlgorithm: codes.Unauthenticated, bearer.UnknownKey: codes.Unauthenticated,
			bearer.BadSignature: codes.Unauthenticated, bearer.WrongType: codes.Unauthenticated, bearer.Expired: codes.Unauthenticated,
			bearer.NotYetValid: codes.Unauthenticated, bearer.WrongAudience: codes.Unauthenticated, bearer.InvalidClaims: codes.Unauthenticated,
			bearer.WrongBinding: codes.Unauthenticated, bearer.InvalidProof: codes.Unauthenticated, bearer.ProofNonce: codes.Unauthenticated, bearer.InvalidCustom: codes.Unauthenticated, bearer.Revoked: codes.Unauthenticated,
			bearer.MissingScope: codes.PermissionDenied, bearer.KeysUnavailable: codes.Unavailable, bearer.KeyNotAsked: codes.Unavailable,
			bearer.Unavailable: codes.Unavailable,
			bearer.Internal:    codes.Internal,
		} {
			c := callUnary(t.Context(), refuser(t.T, &bearer.Error{Reason: reason}), say, metadata.MD{"authorization": {"Bearer x"}})
			t.Want(string(reason), status.Code(c.err), want)
		}
		c := callUnary(t.Context(), refuser(t.T, errors.New("without a reason")), say, metadata.MD{"authorization": {"Bearer x"}})
		t.Want("an error without a reason", status.Code(c.err), codes.Internal)
	})
	checklist.Test(t, "G03", func(t *checklist.T) { testDetails(t, issuer.Token(map[string]any{"sub": "subject-of-the-token"}), v) })
	checklist.Test(t, "G04", func(t *checklist.T) {
		for name, cnf := range map[string]any{"cnf for DPoP": map[string]any{"jkt": "x"}, "cnf for mTLS": map[string]any{"x5t#S256": "x"}, "empty cnf": map[string]any{}} {
			bound := issuer.Token(map[string]any{"cnf": cnf})
			c := callUnary(t.Context(), guard, say, metadata.MD{"authorization": {"Bearer " + bound}, "dpop": {"proof"}})
			t.Want("a token with "+name, status.Code(c.err), codes.Unauthenticated)
			t.Want("a token with "+name+": reason", reasonInfo(c.err), "BINDING")
		}
		t.Want("the scheme DPoP", status.Code(callUnary(t.Context(), guard, say, metadata.MD{"authorization": {"DPoP " + token}}).err), codes.Unauthenticated)
		t.Want("a token without cnf", status.Code(callUnary(t.Context(), guard, say, metadata.MD{"authorization": {"Bearer " + token}}).err), codes.OK)
	})
	checklist.Test(t, "G05", func(t *checklist.T) {
		with := metadata.MD{"authorization": {"Bearer " + token}}
		for _, row := range []struct {
			method string
			md     metadata.MD
			want   codes.Code
		}{
			{"/test.v1.Open/Say", nil, codes.OK},
			{"/test.v1.Open/Say", metadata.MD{"authorization": {"Bearer x"}}, codes.OK},
			{say, with, codes.OK},
			{say, nil, codes.Unauthenticated},
			{"/test.v1.Echo/Other", with, codes.PermissionDenied},
			{"/test.v1.Other/Say", with, codes.PermissionDenied},
			{"/test.v1.Open/say", with, codes.PermissionDenied},
			{"/test.v1.Open/SayMore", with, codes.PermissionDenied},
			{"/test.v1.Open/", with, codes.PermissionDenied},
			{"/test.v1.Open/Say/", with, codes.PermissionDenied},
			{"test.v1.Open/Say", with, codes.PermissionDenied},
			{"//test.v1.Open/Say", with, codes.PermissionDenied},
			{"/test.v1.Open/%53ay", with, codes.PermissionDenied},
			{"/grpc.health.v1.Health/Check", with, codes.PermissionDenied},
			{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", nil, codes.Unauthenticated},
			{"", with, codes.PermissionDenied},
			{"/", with, codes.PermissionDenied},
		} {
			c := callUnary(t.Context(), guard, row.method, row.md)
			t.Want(fmt.Sprintf("method %q with %d keys of metadata", row.method, len(row.md)), status.Code(c.err), row.want)
		}
	})
}

// testStreamOpening checks that the guard decides on a stream before its handler runs.
func testStreamOpening(t *checklist.T, guard *interceptor.Guard, token string) {
	t.Helper()
	for value, want := range map[string]codes.Code{"Bearer " + token: codes.OK, "Bearer x": codes.Unauthenticated} {
		ss := &countingStream{ctx: metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {value}})}
		reached := false
		err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
			_, reached = bearer.FromContext(ss.Context())
			return nil
		})
		t.Want("a stream", status.Code(err), want)
		t.Want("a stream: the handler is called with claims", reached, want == codes.OK)
		t.Want("a stream: messages read by the guard", ss.received, 0)
	}
	synctest.Test(t.T, func(bubble *testing.T) {
		issuer := newIssuer(bubble)
		v := newVerifier(bubble, issuer, nil)
		expiring := newGuard(bubble, v, scopes.Methods{say: scopes.All()}, &interceptor.Options{ExpireStreams: true})
		short := issuer.Token(map[string]any{"exp": time.Now().Add(time.Minute)})
		ss := &countingStream{ctx: metadata.NewIncomingContext(bubble.Context(), metadata.MD{"authorization": {"Bearer " + short}})}
		start := time.Now()
		err := expiring.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
			<-ss.Context().Done()
			return nil
		})
		t.Want("a stream with ExpireStreams", status.Code(err), codes.Unauthenticated)
		t.Want("a stream with ExpireStreams: time of the end", time.Since(start), time.Minute)
	})
}

// countingStream is a stream that counts the received messages.
type countingStream struct {
	grpc.ServerStream
	ctx      context.Context //nolint:containedctx // the result of the method Context
	received int
}

func (s *countingStream) Context() context.Context     { return s.ctx }
func (s *countingStream) SetHeader(metadata.MD) error  { return nil }
func (s *countingStream) SendHeader(metadata.MD) error { return nil }
func (s *countingStream) SetTrailer(metadata.MD)       {}
func (s *countingStream) RecvMsg(any) error            { s.received++; return nil }

// reasonInfo returns the reason in the google.rpc.ErrorInfo detail of a status.
func reasonInfo(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// testDetails checks the details and the challenges of refusals. A refusal must not contain a
// part of the token.
func testDetails(t *checklist.T, token string, v bearer.Verifier) {
	t.Helper()
	guard := newGuard(t.T, v, scopes.Methods{say: scopes.All("say")}, nil)
	for _, row := range []struct{ name, value, reason, challenge string }{
		{"token that lacks a scope", "Bearer " + token, "SCOPE", `error="insufficient_scope"`},
		{"token with an altered signature", "Bearer " + token[:len(token)-4] + "AAAA", "INVALID_TOKEN", `error="invalid_token"`},
		{"token that is not a JWT", "Bearer opaque", "INVALID_TOKEN", `error="invalid_token"`},
		{"two tokens", "Bearer a b", "REQUEST", `error="invalid_request"`},
		{"no token", "", "NO_TOKEN", `Bearer realm="api"`},
	} {
		c := callUnary(t.Context(), guard, say, metadata.MD{"authorization": {row.value}})
		t.Want(row.name+": reason", reasonInfo(c.err), row.reason)
		values := c.header.Get("www-authenticate")
		t.Want(row.name+": challenges", len(values), 1)
		t.Want(row.name+": has the challenge "+row.challenge, strings.Contains(values[0], row.challenge), true)
		sent := fmt.Sprint(c.header, c.err, status.Convert(c.err).Details())
		for part := range strings.SplitSeq(token, ".") {
			t.Want(row.name+": contains a part of the token", strings.Contains(sent, part), false)
		}
		t.Want(row.name+": contains the subject", strings.Contains(sent, "subject-of-the-token"), false)
	}
	secret := errors.New("the key server at 10.0.0.1 said subject-of-the-token")
	c := callUnary(t.Context(), refuser(t.T, &bearer.Error{Reason: bearer.KeysUnavailable, Err: secret}), say, metadata.MD{"authorization": {"Bearer x"}})
	t.Want("no keys: reason", reasonInfo(c.err), "KEYS_UNAVAILABLE")
	t.Want("no keys: challenges", len(c.header.Get("www-authenticate")), 0)
	t.Want("no keys: contains the text of the error", strings.Contains(fmt.Sprint(c.err, status.Convert(c.err).Details()), "10.0.0.1"), false)
}
