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

// buildTool builds grpcurl in the version that go.mod names, and returns the path of the
// program.
func buildTool(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("the go command is needed to build grpcurl: %v", err)
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
	printed, err := exec.CommandContext(ctx, g.tool, all...).CombinedOutput() //nolint:gosec // buildTool built the tool
	if err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() < 0 {
			t.Fatalf("grpcurl %q: %v\n%s", flags, err, printed)
		}
		status = exit.ExitCode()
	}
	return status, string(printed)
}

// exitStatus returns the exit status of grpcurl after the service refused a call with code.
func exitStatus(code codes.Code) int { return 64 + int(code) }

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

// startServer serves the API on a loopback address and returns the address. reflectionRule
// is the rule for the reflection service.
func startServer(t *testing.T, issuer *bearertest.Issuer, reflectionRule scopes.Rule) string {
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
	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public()), interceptor.Reflection(reflectionRule)}, ExpireStreams: true})
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
	tool := buildTool(t)
	public := grpcurl{tool, startServer(t, issuer, scopes.Public())}
	guarded := grpcurl{tool, startServer(t, issuer, scopes.All("ops"))}

	header := func(scope string) string {
		return "authorization: Bearer " + issuer.Token(map[string]any{"client_id": "ci", "scope": scope})
	}
	valid, ops := header("deploy:applications read:deployments"), header("ops")
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
		{"list services", public, nil, []string{"list"}, 0, []string{"deploy.v1.Deployments", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"}},
		{"describe a method", public, nil, []string{"describe", "deploy.v1.Deployments.Create"}, 0, []string{"rpc Create ( .deploy.v1.CreateRequest )"}},
		{"health check", public, nil, []string{"grpc.health.v1.Health/Check"}, 0, []string{`"status": "SERVING"`}},
		{"unary call", public, []string{"-H", valid, "-d", `{"application":"shop"}`}, []string{create}, 0, []string{`"id": "d-1"`, `"application": "shop"`, `"clientId": "ci"`}},
		{"stream", public, []string{"-H", valid}, []string{watch}, 0, []string{`"phase": "building"`, `"phase": "done"`}},
		{"unary call without a token", public, []string{"-v"}, []string{create}, exitStatus(codes.Unauthenticated), []string{"Code: Unauthenticated", "An access token is required", `"reason": "NO_TOKEN"`, `"domain": "github.com/bearerkit/bearer"`, `www-authenticate: Bearer realm="api"`}},
		{"stream without a token", public, []string{"-v"}, []string{watch}, exitStatus(codes.Unauthenticated), []string{`"reason": "NO_TOKEN"`, `www-authenticate: Bearer realm="api"`}},
		{"expired token", public, []string{"-v", "-H", expired}, []string{create}, exitStatus(codes.Unauthenticated), []string{`"reason": "EXPIRED"`, `error="invalid_token"`}},
		{"token without the scope", public, []string{"-v", "-H", ops}, []string{create}, exitStatus(codes.PermissionDenied), []string{`"reason": "SCOPE"`, `"scope": "deploy:applications"`, `error="insufficient_scope"`}},
		{"two authorization values", public, []string{"-v", "-H", valid, "-H", valid}, []string{create}, exitStatus(codes.Unauthenticated), []string{`"reason": "REQUEST"`, `error="invalid_request"`}},
		{"values of authorization and authorization-bin", public, []string{"-v", "-H", valid, "-H", "authorization-bin: AAAA"}, []string{create}, exitStatus(codes.Unauthenticated), []string{`"reason": "REQUEST"`}},
		{"method that does not exist", public, []string{"-H", valid}, []string{"deploy.v1.Deployments/Nothing"}, 1, []string{`does not include a method named "Nothing"`}},

		{"guarded reflection: list without a token", guarded, nil, []string{"list"}, 1, []string{"An access token is required"}},
		{"guarded reflection: list with a token without the scope", guarded, []string{"-H", valid}, []string{"list"}, 1, []string{"The access token does not allow this"}},
		{"guarded reflection: list with a token that has the scope", guarded, []string{"-H", ops}, []string{"list"}, 0, []string{"deploy.v1.Deployments"}},
		{"guarded reflection: same token for reflection and call", guarded, []string{"-H", ops}, []string{create}, exitStatus(codes.PermissionDenied), []string{`"scope": "deploy:applications"`}},
		{"guarded reflection: different tokens for reflection and call", guarded, []string{"-reflect-header", ops, "-rpc-header", valid}, []string{create}, 0, []string{`"clientId": "ci"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, out := row.g.run(t, row.flags, row.args...)
			if status != row.status {
				t.Errorf("got exit status %d, want %d\n%s", status, row.status, out)
			}
			for _, want := range row.want {
				if !strings.Contains(out, want) {
					t.Errorf("got output\n%s\nwant output that contains %s", out, want)
				}
			}
			// With -v, grpcurl prints the request and the response. The request contains the
			// token, so the test checks only that the response contains no token.
			if _, response, ok := strings.Cut(out, "Response headers received:"); ok && regexp.MustCompile(`eyJ[\w-]+\.`).MatchString(response) {
				t.Error("the response contains a token, want no token")
			}
		})
	}
}
