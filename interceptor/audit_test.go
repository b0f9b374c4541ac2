package interceptor_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

func TestAudit(t *testing.T) {
	issuer := newIssuer(t)
	server := grpc.NewServer()
	server.RegisterService(&echoDesc, echo{})
	healthpb.RegisterHealthServer(server, grpchealth.NewServer())
	reflection.Register(server)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{
		say:                             scopes.All("say", "shout"),
		"/test.v1.Echo/Sya":             scopes.All("say"),
		"/test.v1.Ehco/*":               scopes.Any("talk"),
		"/grpc.health.v1.Health/*":      scopes.Public(),
		"/grpc.health.v1.Health/Check":  scopes.ReportOnly(scopes.All("health")),
		"/grpc.health.v1.Health/List":   scopes.Optional(scopes.All()),
		"/grpc.health.v1.Health/Forget": scopes.Public(),
	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Reflection(scopes.And(scopes.All("ops"), bearer.ClientIs("grpcurl")))}})
	report := guard.Audit(server)

	const want = `/grpc.health.v1.Health/Check asks for scope "health", and reports only
/grpc.health.v1.Health/List asks for any valid token, or for no token
/grpc.health.v1.Health/Watch is public, as all of /grpc.health.v1.Health/*
/grpc.reflection.v1.ServerReflection/ServerReflectionInfo asks for scope "ops" and client "grpcurl"
/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo asks for scope "ops" and client "grpcurl"
/test.v1.Echo/Say asks for scopes "say" and "shout"
/test.v1.Echo/Talk has no rule and is denied
/grpc.health.v1.Health/Forget has a rule and no method
/test.v1.Echo/Sya has a rule and no method
/test.v1.Ehco/* has a rule and no method
`
	if got := report.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := report.WithoutRule, []string{talk}; !slices.Equal(got, want) {
		t.Errorf("without a rule: got %q, want %q", got, want)
	}
	if got, want := report.WithoutMethod, []string{"/grpc.health.v1.Health/Forget", "/test.v1.Echo/Sya", "/test.v1.Ehco/*"}; !slices.Equal(got, want) {
		t.Errorf("without a method: got %q, want %q", got, want)
	}
	const wantErr = `interceptor: method /test.v1.Echo/Talk has no rule and is denied
interceptor: rule "/grpc.health.v1.Health/Forget" is for no method of the server
interceptor: rule "/test.v1.Echo/Sya" is for no method of the server
interceptor: rule "/test.v1.Ehco/*" is for no method of the server`
	if err := report.Err(); err == nil || err.Error() != wantErr {
		t.Errorf("got\n%v\nwant\n%s", err, wantErr)
	}
}

// TestAuditOfNothing has nothing to report where rules and methods are the same.
func TestAuditOfNothing(t *testing.T) {
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, grpchealth.NewServer())
	reflection.Register(server)
	guard := newGuard(t, testkit.Refuse(bearer.Internal), nil, &interceptor.Options{
		Include: []scopes.Methods{interceptor.Health(scopes.Public()), interceptor.Reflection(scopes.All("ops"))},
	})
	if report := guard.Audit(server); report.Err() != nil || len(report.Methods) != 5 {
		t.Errorf("got %+v", report)
	}
	if report := newGuard(t, testkit.Refuse(bearer.Internal), nil, nil).Audit(grpc.NewServer()); report.Err() != nil || report.String() != "" {
		t.Errorf("got %+v", report)
	}
}

// TestAuditSaysWhatTheGuardDoes compares the two for every kind of rule.
func TestAuditSaysWhatTheGuardDoes(t *testing.T) {
	server := grpc.NewServer()
	server.RegisterService(&echoDesc, echo{})
	for _, rules := range []scopes.Methods{
		nil,
		{say: scopes.Public()},
		{"/test.v1.Echo/*": scopes.Public()},
		{say: scopes.All(), "/test.v1.Echo/*": scopes.Public()},
		{"/test.v1.Echo/*": scopes.All(), talk: scopes.Public()},
		{"/test.v1.Echo2/*": scopes.Public(), "/test.v1/*": scopes.Public(), "/test.v1.Echo/Sa": scopes.Public(), "/test.v1.Echo/Say2": scopes.Public()},
	} {
		guard := newGuard(t, testkit.Refuse(bearer.Internal), rules, nil)
		for _, method := range guard.Audit(server).Methods {
			rule, declared := rules.Rule(method.Name)
			if rule != method.Rule || declared != method.Declared {
				t.Errorf("%v: got %q by %q, scopes finds %q by %q", rules, method.Rule, method.Declared, rule, declared)
			}
			want := codes.Unauthenticated
			if rule.IsPublic() {
				want = codes.OK
			}
			if got := status.Code(ask(t.Context(), guard, method.Name)); got != want {
				t.Errorf("%v: got %v, want %v", method, got, want)
			}
		}
	}
}

// TestNamesOfMethods has names that no server has, which nobody may pass with.
func TestNamesOfMethods(t *testing.T) {
	rules := scopes.Methods{"/a.B/C": scopes.Public(), "/a.B/*": scopes.Public()}
	guard := newGuard(t, testkit.Refuse(bearer.Internal), rules, nil)
	for name, public := range map[string]bool{
		"/a.B/C": true, "/a.B/D": true, "/a.B/C ": true, // served by nobody, as all of a.B
		"": false, "/": false, "a.B/C": false, "/a.B": false, "/a.B/": false, "/a.B/*": false, "//a.B/C": false, "/a.B/C/": false, "/a.B//C": false,
		"/a.B/C/D": false, "/A.B/C": false, "/a.b/C": false, "/x/a.B/C": false, "/a.B /C": false, "/*/C": false, "/a.*/C": false,
	} {
		if got := ask(t.Context(), guard, name) == nil; got != public {
			t.Errorf("%q: public: got %v, want %v", name, got, public)
		}
		if rule, _ := rules.Rule(name); rule.IsPublic() != public {
			t.Errorf("%q: scopes finds it public: %v, want %v", name, rule.IsPublic(), public)
		}
	}
}

// TestClaimsStayInTheirCall has a handler's context outlive nothing.
func TestClaimsStayInTheirCall(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), echoRules, nil)
	ctx := incoming(t.Context(), "Bearer "+issuer.Token(map[string]any{"sub": "ann", "scope": "say shout"}))
	var inside context.Context
	_, err := guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: say}, func(ctx context.Context, _ any) (any, error) {
		inside = ctx //nolint:fatcontext // to look at it
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if who, _ := subject(inside); who != "ann" {
		t.Errorf("got %s", who)
	}
	if who, _ := subject(ctx); who != "nobody" {
		t.Errorf("the caller's own context has claims of %s", who)
	}
}
