//go:build !race

package interceptor_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// growingStream is a server's stream that keeps the metadata of the answer.
type growingStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // the result of the method Context
}

func (s *growingStream) Context() context.Context { return s.ctx }

// transport is the transport of a call. It keeps nothing.
type transport struct{}

func (transport) Method() string                  { return say }
func (transport) SetHeader(md metadata.MD) error  { return nil }
func (transport) SendHeader(md metadata.MD) error { return nil }
func (transport) SetTrailer(md metadata.MD) error { return nil }

// Each part of a call costs time and memory in proportion to its size: metadata and the name of
// the method.
func TestGrowthOfCalls(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	rules := scopes.Methods{say: scopes.Optional(scopes.All("say")), "/test.v1.Echo/*": scopes.All("say")}
	guard := newGuard(t, v, rules, &interceptor.Options{KeepToken: true})
	valid := "Bearer " + issuer.Token(map[string]any{"scope": "say"})
	values := func(name, value string) func(n int) (metadata.MD, string) {
		return func(n int) (metadata.MD, string) {
			return metadata.MD{name: slices.Repeat([]string{value}, max(1, n/len(value)))}, say
		}
	}
	names := func(format string) func(n int) (metadata.MD, string) {
		return func(n int) (metadata.MD, string) {
			md := metadata.MD{"authorization": {valid}}
			for i := range n / len(format) {
				md[fmt.Sprintf(format, i)] = []string{"x"}
			}
			return md, say
		}
	}
	method := func(name func(n int) string) func(n int) (metadata.MD, string) {
		return func(n int) (metadata.MD, string) { return metadata.MD{"authorization": {valid}}, name(n) }
	}
	for name, call := range map[string]func(n int) (metadata.MD, string){
		"authorization values":   values("authorization", "Bearer a.b.c"),
		"empty values":           func(n int) (metadata.MD, string) { return metadata.MD{"authorization": make([]string, n)}, say },
		"authorization-bin":      values("authorization-bin", base64.StdEncoding.EncodeToString(make([]byte, 30))),
		"authorization in upper": values("AUTHORIZATION", "Bearer a.b.c"),
		"long authorization": func(n int) (metadata.MD, string) {
			return metadata.MD{"authorization": {"Bearer " + strings.Repeat("a", n)}}, say
		},
		"other values": values("x", "value"),
		"names":        names("name-%d"),
		"binary names": names("name-%d-bin"),
		"names without a token": func(n int) (metadata.MD, string) {
			md, m := names("name-%d")(n)
			delete(md, "authorization")
			return md, m
		},
		"method":                   method(func(n int) string { return "/test.v1.Echo/" + strings.Repeat("a", n) }),
		"service":                  method(func(n int) string { return "/test.v1." + strings.Repeat("a.", n/2) + "/Say" }),
		"slashes in the method":    method(func(n int) string { return strings.Repeat("/", n) }),
		"control characters":       method(func(n int) string { return strings.Repeat("\n", n) }),
		"method that is not ASCII": method(func(n int) string { return "/test.v1.Echo/" + strings.Repeat("\u00e9", n/2) }),
	} {
		growth.Check(t, name, 1000, func(n int) func() {
			md, method := call(n)
			ctx := grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(context.Background(), md), transport{})
			return func() {
				_, _ = guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
				_ = guard.Stream(nil, &growingStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: method}, func(any, grpc.ServerStream) error { return nil }) //nolint:contextcheck // the context is in the stream
			}
		})
	}
}

// A refusal costs time and memory in proportion to the scopes that it names, and a call does not
// cost more if there are many rules.
func TestGrowthOfRules(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	ctx := grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(context.Background(), metadata.MD{
		"authorization": {"Bearer " + issuer.Token(map[string]any{"scope": "say"})},
	}), transport{})
	check := func(name string, rules func(n int) scopes.Methods) {
		growth.Check(t, name, 50, func(n int) func() {
			guard := newGuard(t, v, rules(n), nil)
			return func() {
				_, _ = guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: say}, func(context.Context, any) (any, error) { return nil, nil })
			}
		})
	}
	check("scopes of a challenge", func(n int) scopes.Methods {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprint("scope", i)
		}
		return scopes.Methods{say: scopes.All(names...)}
	})
	check("rules", func(n int) scopes.Methods {
		rules := scopes.Methods{say: scopes.All("say")}
		for i := range n {
			rules[fmt.Sprintf("/test.v1.Echo%d/Say", i)] = scopes.All("say")
			rules[fmt.Sprintf("/test.v1.Echo%d/*", i)] = scopes.All("say")
		}
		return rules
	})
}
