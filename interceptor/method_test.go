package interceptor_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// hostileMethods are texts that are no names of methods. A service behind a proxy may read
// each of them as /test.v1.Echo/Create, or as a method of another service.
var hostileMethods = []string{
	"/test.v1.Echo/Create?x=1", "/test.v1.Echo/Create?", "/test.v1.Echo/?Create", "/test.v1.Echo/Create#x", "/test.v1.Echo/Create;x", "/test.v1.Echo/Create&x",
	"/test.v1.Echo/Cre%61te", "/test.v1.Echo/%43reate", "/test.v1.Echo/Create%00", "/test.v1.Echo/Create%2f", "/test.v1.Echo/%2e%2e", "/test.v1.Echo/Create%20",
	"/test.v1.Echo/..", "/test.v1.Echo/.", "/test.v1.Echo/...", "/test.v1.Echo/.Create", "/test.v1.Echo/Create.", "/test.v1.Echo/Create.json",
	"/test.v1.Echo/", "/test.v1.Echo", "/test.v1.Echo/*", "/test.v1.Echo/**", "/test.v1.Echo/Create*",
	"/test.v1.Echo/Create/", "/test.v1.Echo//Create", "//test.v1.Echo/Create", "/test.v1.Echo/../other.v1.Admin/Drop", "/test.v1.Echo/x/../Create", "/./test.v1.Echo/Create",
	"/test.v1.Echo/Create ", "/test.v1.Echo/ Create", "/test.v1.Echo/Create\t", "/test.v1.Echo/Cre\u200bate", "/test.v1.Echo/\u0421reate", "/test.v1.Echo/Créate", "/test.v1.Echo/Create\xff",
	`/test.v1.Echo/Create\`, `/test.v1.Echo\Create`, `/test.v1.Echo/..\Create`, "/test.v1.Echo/Cre-ate", "/test.v1.Echo/Create:x", "/test.v1.Echo/{Create}", "/test.v1.Echo/1Create",
	"/test.v1.Echo/Create,x", "/test.v1.Echo/Create=x", "/test.v1.Echo/\"Create\"", "/test.v1.Echo/'Create'", "/test.v1.Echo/Create@", "/test.v1.Echo/Create$", "/test.v1.Echo/~Create",
	"test.v1.Echo/Create", "test.v1.Echo/Other", "/TEST.v1.Echo/Other", "/test.V1.Echo/Other", "/test.v1.Echo%2fOther", "/test.v1.Echo./Other", "/.test.v1.Echo/Other", "/test..v1.Echo/Other", "/test.v1.Echo /Other",
}

// TestWildcardCoversIdentifiers calls a server that passes the calls of unknown methods on, as
// a proxy does. The rule of all methods of a service covers identifiers only. So no call
// reaches the proxy whose method another service may read as a method with a rule of its own.
func TestWildcardCoversIdentifiers(t *testing.T) {
	for _, wildcard := range []scopes.Rule{scopes.Public(), scopes.All("talk"), scopes.ReportOnly(scopes.All("none"))} {
		issuer, events := newIssuer(t), new(testkit.Recorder)
		rules := scopes.Methods{"/test.v1.Echo/Create": scopes.All("admin"), "/test.v1.Echo/*": wildcard}
		guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) { c.Observer = events }), rules, nil)
		passed := make(chan string, 1) // the names of methods that reach the handler
		unknown := grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(ss)
			passed <- method
			return status.Error(codes.Unimplemented, "passed")
		})
		token := "Bearer " + issuer.Token(map[string]any{"scope": "talk"})
		over2, _ := connect(t, onBufconn, echo{}, append(guard.ServerOptions(), unknown)...)
		overHTTP, stop := connectHTTP(t, echo{}, append(guard.ServerOptions(), unknown)...)
		defer stop()
		for name, conn := range map[string]*grpc.ClientConn{"gRPC": over2, "net/http": overHTTP} {
			call := func(method string) error {
				return conn.Invoke(outgoing(t.Context(), []string{token}), method, wrapperspb.String(""), new(wrapperspb.StringValue))
			}
			for _, method := range []string{"/test.v1.Echo/Other", "/test.v1.Echo/_x1", "/test.v1.Echo/create"} {
				if err := call(method); status.Code(err) != codes.Unimplemented || <-passed != method {
					t.Fatalf("%s, %s: got %v, want a call of the handler with the rule %s", name, method, err, wildcard)
				}
				events.Take()
			}
			for _, method := range hostileMethods {
				err := call(method)
				select {
				case served := <-passed:
					// net/http decodes the path and removes the query before grpc gets the name.
					if name == "gRPC" || served != "/test.v1.Echo/Other" {
						t.Errorf("%s, %s with the rule %s: the handler was called for %s, want a refusal", name, method, wildcard, served)
					}
				default:
					if err == nil {
						t.Errorf("%s, %s with the rule %s: got no error, want a refusal", name, method, wildcard)
					}
				}
				for _, e := range events.Take() {
					if wanted := errors.Is(e.Err, scopes.ErrNoRule) && strings.Contains(e.Err.Error(), "no rule names the method ") && e.Route == ""; !wanted && name == "gRPC" {
						t.Errorf("%s, %s: got the route %q and the error %v, want no route and an error that says that there is no rule", name, method, e.Route, e.Err)
					}
				}
			}
		}
	}
}

// services lists one method of one service.
type services struct{ service, method string }

func (s services) GetServiceInfo() map[string]grpc.ServiceInfo {
	return map[string]grpc.ServiceInfo{s.service: {Methods: []grpc.MethodInfo{{Name: s.method}}}}
}

// FuzzRuleOfMethod checks that a guard and scopes.Methods give the same rule to every name,
// and that a rule for all methods of a service covers only the identifiers of protobuf.
func FuzzRuleOfMethod(f *testing.F) {
	rules := scopes.Methods{
		"/test.v1.Echo/Create": scopes.All("admin"), "/test.v1.Echo/*": scopes.All("talk"), "/a/*": scopes.Public(), "/a/{id}": scopes.All("odd"), "/B/a-b": scopes.All("odd"),
	}
	guard, err := interceptor.New(testkit.Refuse(bearer.Expired), rules, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, method := range append(hostileMethods, "/test.v1.Echo/Other", "/a/{id}", "/a/{x}", "/B/a-b", "/B/x", "/a/_", "/a/9") {
		f.Add(method)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // names for a test
	for range 500 {
		name := []byte("/a/")
		for range random.IntN(6) {
			name = append(name, byte(random.IntN(256))) //nolint:gosec // less than 256
		}
		f.Add(string(name))
	}
	f.Fuzz(func(t *testing.T, method string) {
		rule, key := rules.Rule(method)
		if strings.HasSuffix(key, "/*") {
			name := strings.TrimPrefix(method, strings.TrimSuffix(key, "*"))
			for i := range len(name) {
				c := name[i]
				if letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'; !letter && (i == 0 || c < '0' || c > '9') {
					t.Errorf("%q: got the rule of %s, want no rule, because %q is not an identifier", method, key, name)
				}
			}
			if name == "" {
				t.Errorf("%q: got the rule of %s, want no rule", method, key)
			}
		} else if key != "" && key != method {
			t.Errorf("%q: got the rule of %s, want the rule of the method", method, key)
		}
		rest, found := strings.CutPrefix(method, "/")
		i := strings.LastIndexByte(rest, '/')
		if !found || i < 0 {
			return // no service of a server has such a method
		}
		report := guard.Audit(services{rest[:i], rest[i+1:]})
		got, declared := report.Rule(method)
		if report.Methods[0] != method || declared != key || got.String() != rule.String() {
			t.Errorf("%q: the guard has the rule %v of %q, want the rule %v of %q, as scopes.Methods has", method, got, declared, rule, key)
		}
	})
}
