package interceptor_test

import (
	"context"
	"slices"
	"strings"
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

	const want = `/grpc.health.v1.Health/Check requires scope "health" (report only)
/grpc.health.v1.Health/List allows callers without a token; a token that is sent must be valid
/grpc.health.v1.Health/Watch is public (rule for /grpc.health.v1.Health/*)
/grpc.reflection.v1.ServerReflection/ServerReflectionInfo requires scope "ops" and client "grpcurl"
/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo requires scope "ops" and client "grpcurl"
/test.v1.Echo/Say requires scopes "say" and "shout"
/test.v1.Echo/Talk has no rule and is denied
the rule for /grpc.health.v1.Health/Forget applies to no method
the rule for /test.v1.Echo/Sya applies to no method
the rule for /test.v1.Ehco/* applies to no method
`
	if got := report.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := report.WithoutRule, []string{talk}; !slices.Equal(got, want) {
		t.Errorf("WithoutRule: got %q, want %q", got, want)
	}
	if got, want := report.WithoutMethod, []string{"/grpc.health.v1.Health/Forget", "/test.v1.Echo/Sya", "/test.v1.Ehco/*"}; !slices.Equal(got, want) {
		t.Errorf("WithoutMethod: got %q, want %q", got, want)
	}
	const wantErr = `interceptor: method /test.v1.Echo/Talk has no rule and is denied
interceptor: rule "/grpc.health.v1.Health/Forget" applies to no method of the server
interceptor: rule "/test.v1.Echo/Sya" applies to no method of the server
interceptor: rule "/test.v1.Ehco/*" applies to no method of the server`
	if err := report.Err(); err == nil || err.Error() != wantErr {
		t.Errorf("got\n%v\nwant\n%s", err, wantErr)
	}
}

// TestAuditWithoutProblems checks that Audit finds no problem if each method has a rule and
// each rule has a method.
func TestAuditWithoutProblems(t *testing.T) {
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, grpchealth.NewServer())
	reflection.Register(server)
	guard := newGuard(t, testkit.Refuse(bearer.Internal), nil, &interceptor.Options{
		Include: []scopes.Methods{interceptor.Health(scopes.Public()), interceptor.Reflection(scopes.All("ops"))},
	})
	if report := guard.Audit(server); report.Err() != nil || len(report.Methods) != 5 {
		t.Errorf("got %+v, want 5 methods and no error", report)
	}
	if report := newGuard(t, testkit.Refuse(bearer.Internal), nil, nil).Audit(grpc.NewServer()); report.Err() != nil || report.String() != "" {
		t.Errorf("server without services: got %+v, want an empty report", report)
	}
}

// TestAuditMatchesGuard checks that the report contains the rules that the guard uses.
func TestAuditMatchesGuard(t *testing.T) {
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
		report := guard.Audit(server)
		for _, method := range report.Methods {
			rule, declared := rules.Rule(method)
			if gotRule, gotName := report.Rule(method); gotRule != rule || gotName != declared {
				t.Errorf("%v: got rule %q and name %q, want rule %q and name %q of scopes.Methods", rules, gotRule, gotName, rule, declared)
			}
			want := codes.Unauthenticated
			if rule.IsPublic() {
				want = codes.OK
			}
			if got := status.Code(unaryError(t.Context(), guard, method)); got != want {
				t.Errorf("%v: got code %v, want code %v", method, got, want)
			}
		}
	}
}

// TestMethodNames checks that a rule applies only to well-formed names of its methods.
func TestMethodNames(t *testing.T) {
	rules := scopes.Methods{"/a.B/C": scopes.Public(), "/a.B/*": scopes.Public()}
	guard := newGuard(t, testkit.Refuse(bearer.Internal), rules, nil)
	for name, public := range map[string]bool{
		"/a.B/C": true, "/a.B/D": true, "/a.B/_d9": true, "/a.B/C ": false, "/a.B/9": false,
		"": false, "/": false, "a.B/C": false, "/a.B": false, "/a.B/": false, "/a.B/*": false, "//a.B/C": false, "/a.B/C/": false, "/a.B//C": false,
		"/a.B/C/D": false, "/A.B/C": false, "/a.b/C": false, "/x/a.B/C": false, "/a.B /C": false, "/*/C": false, "/a.*/C": false,
	} {
		if got := unaryError(t.Context(), guard, name) == nil; got != public {
			t.Errorf("%q: public for the guard = %v, want %v", name, got, public)
		}
		if rule, _ := rules.Rule(name); rule.IsPublic() != public {
			t.Errorf("%q: public for scopes.Methods = %v, want %v", name, rule.IsPublic(), public)
		}
	}
}

// TestClaimsStayInTheirCall checks that the handler's context contains the claims, and that
// the outer context contains no claims.
func TestClaimsStayInTheirCall(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), echoRules, nil)
	ctx := incoming(t.Context(), "Bearer "+issuer.Token(map[string]any{"sub": "ann", "scope": "say shout"}))
	var inside context.Context
	_, err := guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: say}, func(ctx context.Context, _ any) (any, error) {
		inside = ctx //nolint:fatcontext // the test reads it below
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if who, _ := subject(inside); who != "ann" {
		t.Errorf("got the subject %s in the handler's context, want ann", who)
	}
	if who, _ := subject(ctx); who != "anonymous" {
		t.Errorf("got the subject %s in the outer context, want no claims", who)
	}
}

// TestAuditOddNames checks that Audit reports a method whose name is no identifier as a
// method without a rule, unless the method has a rule of its own.
func TestAuditOddNames(t *testing.T) {
	guard := newGuard(t, testkit.Refuse(bearer.Expired), scopes.Methods{"/a.B/*": scopes.All("x"), "/a.B/{own}": scopes.All("y")}, nil)
	for method, want := range map[string][2]string{ // WithoutRule and WithoutMethod
		"Get":   {"", "/a.B/{own}"},
		"{own}": {"", "/a.B/*"},
		"a-b":   {"/a.B/a-b", "/a.B/* /a.B/{own}"},
		"9":     {"/a.B/9", "/a.B/* /a.B/{own}"},
	} {
		report := guard.Audit(services{"a.B", method})
		if got := [2]string{strings.Join(report.WithoutRule, " "), strings.Join(report.WithoutMethod, " ")}; got != want {
			t.Errorf("%s: got the methods without a rule and the rules without a method %q, want %q", method, got, want)
		}
	}
}
