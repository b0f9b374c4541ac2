package grpcurl_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

const audience = "deployment-api"

// grpcurl is the path of the tool and the address of the service that it calls.
type grpcurl struct{ tool, addr string }

// build builds grpcurl in the version that go.mod names, and returns the path of the
// program.
func build(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("building grpcurl needs the go command: %v", err)
	}
	tool := filepath.Join(t.TempDir(), "grpcurl")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "github.com/fullstorydev/grpcurl/cmd/grpcurl").CombinedOutput() //nolint:gosec // the path is in a temporary folder
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tool
}

// run runs grpcurl and returns its exit status and its output.
func (g grpcurl) run(t *testing.T, flags []string, args ...string) (status int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	all := slices.Concat([]string{"-plaintext", "-max-time", "30"}, flags, []string{g.addr}, args)
	printed, err := exec.CommandContext(ctx, g.tool, all...).CombinedOutput() //nolint:gosec // build built the tool
	if err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() < 0 {
			t.Fatalf("grpcurl %q: %v\n%s", flags, err, printed)
		}
		status = exit.ExitCode()
	}
	return status, string(printed)
}

// refused returns the exit status of grpcurl after the service refused a call with code.
func refused(code codes.Code) int { return 64 + int(code) }

type deployments struct {
	deployv1.UnimplementedDeploymentsServer
}

func (deployments) Create(ctx context.Context, request *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	claims, _ := bearer.FromContext(ctx)
	return &deployv1.Deployment{Id: "d-1", Application: request.GetApplication(), Caller: &deployv1.Caller{ClientId: claims.ClientID()}}, nil
}

func (deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	return errors.Join(stream.Send(&deployv1.State{Phase: "building"}), stream.Send(&deployv1.State{Phase: "done"}))
}

// serve serves the API on a loopback address and returns the address. The rule for the
// reflection service is reflect.
func serve(t *testing.T, issuer *bearertest.Issuer, reflect scopes.Rule) string {
	t.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := interceptor.New(verifier, scopes.Methods{
		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
		"/deploy.v1.Deployments/*":      scopes.All("read:deployments"),
	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public()), interceptor.Reflection(reflect)}, ExpireStreams: true})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	deployv1.RegisterDeploymentsServer(server, deployments{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	if err := guard.Audit(server).Err(); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestGrpcurl(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	tool := build(t)
	open := grpcurl{tool, serve(t, issuer, scopes.Public())}
	closed := grpcurl{tool, serve(t, issuer, scopes.All("ops"))}

	header := func(scope string) string {
		return "authorization: Bearer " + issuer.Token(map[string]any{"client_id": "ci", "scope": scope})
	}
	good, ops := header("deploy:applications read:deployments"), header("ops")
	expired := "authorization: Bearer " + issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})
	const create, watch = "deploy.v1.Deployments/Create", "deploy.v1.Deployments/Watch"
	for _, row := range []struct {
		name   string
		g      grpcurl
		flags  []string
		args   []string
		status int
		want   []string // parts of the output
	}{
		{"list", open, nil, []string{"list"}, 0, []string{"deploy.v1.Deployments", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"}},
		{"describe", open, nil, []string{"describe", "deploy.v1.Deployments.Create"}, 0, []string{"rpc Create ( .deploy.v1.CreateRequest )"}},
		{"health", open, nil, []string{"grpc.health.v1.Health/Check"}, 0, []string{`"status": "SERVING"`}},
		{"unary", open, []string{"-H", good, "-d", `{"application":"shop"}`}, []string{create}, 0, []string{`"id": "d-1"`, `"application": "shop"`, `"clientId": "ci"`}},
		{"stream", open, []string{"-H", good}, []string{watch}, 0, []string{`"phase": "building"`, `"phase": "done"`}},
		{"unary, no token", open, []string{"-v"}, []string{create}, refused(codes.Unauthenticated), []string{"Code: Unauthenticated", "An access token is required", `"reason": "NO_TOKEN"`, `"domain": "github.com/bearerkit/bearer"`, `www-authenticate: Bearer realm="api"`}},
		{"stream, no token", open, []string{"-v"}, []string{watch}, refused(codes.Unauthenticated), []string{`"reason": "NO_TOKEN"`, `www-authenticate: Bearer realm="api"`}},
		{"expired", open, []string{"-v", "-H", expired}, []string{create}, refused(codes.Unauthenticated), []string{`"reason": "EXPIRED"`, `error="invalid_token"`}},
		{"other scopes", open, []string{"-v", "-H", ops}, []string{create}, refused(codes.PermissionDenied), []string{`"reason": "SCOPE"`, `"scope": "deploy:applications"`, `error="insufficient_scope"`}},
		{"two values", open, []string{"-v", "-H", good, "-H", good}, []string{create}, refused(codes.Unauthenticated), []string{`"reason": "REQUEST"`, `error="invalid_request"`}},
		{"authorization-bin", open, []string{"-v", "-H", good, "-H", "authorization-bin: AAAA"}, []string{create}, refused(codes.Unauthenticated), []string{`"reason": "REQUEST"`}},
		{"method that does not exist", open, []string{"-H", good}, []string{"deploy.v1.Deployments/Nothing"}, 1, []string{`does not include a method named "Nothing"`}},

		{"guarded reflection: list, no token", closed, nil, []string{"list"}, 1, []string{"An access token is required"}},
		{"guarded reflection: list, other scopes", closed, []string{"-H", good}, []string{"list"}, 1, []string{"The access token does not allow this"}},
		{"guarded reflection: list", closed, []string{"-H", ops}, []string{"list"}, 0, []string{"deploy.v1.Deployments"}},
		{"guarded reflection: same token for the call", closed, []string{"-H", ops}, []string{create}, refused(codes.PermissionDenied), []string{`"scope": "deploy:applications"`}},
		{"guarded reflection: another token for the call", closed, []string{"-reflect-header", ops, "-rpc-header", good}, []string{create}, 0, []string{`"clientId": "ci"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, out := row.g.run(t, row.flags, row.args...)
			if status != row.status {
				t.Errorf("got exit status %d, want %d\n%s", status, row.status, out)
			}
			for _, want := range row.want {
				if !strings.Contains(out, want) {
					t.Errorf("got\n%s\nwant %s in it", out, want)
				}
			}
			// With -v, grpcurl also prints the request, which contains the token. Only the
			// response must not contain the token.
			if _, response, ok := strings.Cut(out, "Response headers received:"); ok && regexp.MustCompile(`eyJ[\w-]+\.`).MatchString(response) {
				t.Error("got a token in the response, want none")
			}
		})
	}
}
