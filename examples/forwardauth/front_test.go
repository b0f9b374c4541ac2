package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// frontConfig returns the block of docs/proxies.md with the configuration of a proxy in front of a
// service that verifies tokens itself.
func frontConfig(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)\n```"+language+"\n(.*?)\n```\n").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 1 {
		t.Fatalf("docs/proxies.md: got %d blocks with the language %s, want 1", len(blocks), language)
	}
	if language == "nginx" { // the block is the content of the section http
		return "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log /dev/stderr;\nclient_body_temp_path tmp;\n" +
			"proxy_temp_path tmp;\nfastcgi_temp_path tmp;\nuwsgi_temp_path tmp;\nscgi_temp_path tmp;\n" + blocks[0][1] + "\n}\n"
	}
	return blocks[0][1] + "\n"
}

// guarded is a service with guards for HTTP and gRPC.
type guarded struct {
	issuer   *bearertest.Issuer
	http     string       // address for HTTP
	grpc     string       // address for gRPC
	asked    atomic.Int64 // number of verified tokens
	lastPath atomic.Value // the path of the last request that the HTTP guard allowed
	lastHost atomic.Value // the host of this request
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	s := &guarded{issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	t.Cleanup(s.issuer.Close)
	logger := slog.New(slog.DiscardHandler)
	verifier, err := bearer.New(bearer.Config{Issuer: s.issuer.URL(), Audience: []string{audience}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	counted := bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		s.asked.Add(1)
		if token == "unavailable" {
			return nil, &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second}
		}
		return verifier.Verify(ctx, token)
	})
	guard, err := middleware.New(counted, &middleware.Options{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /reports/{id}", scopes.All("read:reports"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.lastPath.Store(r.RequestURI)
		s.lastHost.Store(r.Host)
	}))
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	s.http = web.Listener.Addr().String()

	rpc, err := interceptor.New(counted, interceptor.Health(scopes.All("read:reports")), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(rpc.ServerOptions()...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // returns after Stop
	t.Cleanup(server.Stop)
	s.grpc = listener.Addr().String()
	return s
}

// startFront starts the proxy of the page in front of s. It returns the addresses for HTTP and for
// gRPC, and the output of the proxy.
func startFront(t *testing.T, p proxy, language string, s *guarded) (web, rpc string, out *output) {
	t.Helper()
	dir := t.TempDir()
	web, rpc = freePort(t), freePort(t)
	text := frontConfig(t, language)
	for from, to := range map[string]string{":8080": web, ":8081": rpc, ":9090": s.http, ":9191": s.grpc} {
		if n := strings.Count(text, from); n != 1 {
			t.Fatalf("%s: got %d times %s, want one", language, n, from)
		}
		text = strings.Replace(text, from, to[strings.LastIndex(to, ":"):], 1)
	}
	if p.replace != nil {
		text = p.replace.Replace(text)
	}
	config := filepath.Join(dir, p.config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return web, rpc, startProxyWith(t, p.command(t, dir, config), p.marker)
}

// largeToken returns a token of nearly 16 KiB, which is the limit of bearer.
func (s *guarded) largeToken(t *testing.T) string {
	t.Helper()
	token := s.issuer.Token(map[string]any{"scope": "read:reports", "padding": strings.Repeat("x", 11700)})
	if len(token) < 15900 || len(token) > 16<<10 {
		t.Fatalf("got a token of %d bytes, want between 15,900 and 16,384", len(token))
	}
	return token
}

// TestFrontLimits removes the limits of nginx and HAProxy from the configurations. A large token
// must not reach the guard.
func TestFrontLimits(t *testing.T) {
	for language, p := range map[string]proxy{"nginx": nginx, "haproxy": haproxy} {
		p.replace = strings.NewReplacer("large_client_header_buffers 4 32k;", "", "tune.bufsize 65536", "")
		s := newGuarded(t)
		front, _, _ := startFront(t, p, language, s)
		token := s.largeToken(t)
		if status, _ := exchange(t, front, "GET /reports/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n"); status != 400 && status != 431 {
			t.Errorf("%s: got status %d, want 400 or 431", p.name, status)
		}
		if asked := s.asked.Load(); asked != 0 {
			t.Errorf("%s: got %d requests at the guard, want none", p.name, asked)
		}
	}
}

// fronts are the proxies whose configurations the tests run, by the language of the block.
var fronts = map[string]proxy{"nginx": nginx, "caddyfile": caddy, "haproxy": haproxy}

// TestFrontHTTP sends HTTP requests through the proxies of docs/proxies.md to a guard.
func TestFrontHTTP(t *testing.T) {
	for language, p := range fronts {
		t.Run(p.name, func(t *testing.T) {
			s := newGuarded(t)
			front, _, out := startFront(t, p, language, s)
			valid := s.issuer.Token(map[string]any{"scope": "read:reports"})
			for _, row := range []struct {
				name, fields, path string
				want               int
			}{
				{"valid", "Authorization: Bearer " + valid, "/reports/7", 200},
				{"escaped path", "Authorization: Bearer " + valid, "/reports/a%20b?x=%2f", 200},
				{"16 KB", "Authorization: Bearer " + s.largeToken(t), "/reports/7", 200},
				{"no token", "X-Other: 1", "/reports/7", 401},
				{"scope is missing", "Authorization: Bearer " + s.issuer.Token(map[string]any{"scope": "other"}), "/reports/7", 403},
				{"two fields", "Authorization: Bearer " + valid + "\r\nAuthorization: Bearer " + valid, "/reports/7", 400},
				{"joined fields", "Authorization: Bearer " + valid + ",Bearer " + valid, "/reports/7", 400},
				{"no keys", "Authorization: Bearer unavailable", "/reports/7", 503},
			} {
				before := s.asked.Load()
				got, header := exchange(t, front, "GET "+row.path+" HTTP/1.1\r\nHost: deployments.example\r\nConnection: close\r\n"+row.fields+"\r\n\r\n")
				if got != row.want {
					t.Errorf("%s: got status %d, want %d", row.name, got, row.want)
				}
				if (got == 401 || got == 403) && header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: got the fields %v, want a challenge", row.name, header)
				}
				if asked := s.asked.Load() - before; got == 503 && (asked != 1 || header.Get("Retry-After") != "7") {
					t.Errorf("%s: got %d requests and Retry-After %q, want one request and 7", row.name, asked, header.Get("Retry-After"))
				}
				if got == 200 && (s.lastPath.Load() != row.path || s.lastHost.Load() != "deployments.example") {
					t.Errorf("%s: got path %v and host %v at the service, want %q and deployments.example", row.name, s.lastPath.Load(), s.lastHost.Load(), row.path)
				}
			}
			waitFor(t, out, " 503 ", `"status":503`)
			if text := out.String(); strings.Contains(text, valid[:40]) || !strings.Contains(text, "/reports/7") {
				t.Errorf("got the log %s, want a log with paths and without tokens", text)
			}
		})
	}
}

// waitFor waits until the output of a proxy contains one of the texts.
func waitFor(t *testing.T, out *output, texts ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		for _, text := range texts {
			if strings.Contains(out.String(), text) {
				return
			}
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Errorf("got no %q in the log of the proxy within 10 s, want one", texts)
}

// TestFrontGRPC sends gRPC calls through the proxies of docs/proxies.md to a guard.
func TestFrontGRPC(t *testing.T) {
	for language, p := range fronts {
		t.Run(p.name, func(t *testing.T) {
			s := newGuarded(t)
			_, front, _ := startFront(t, p, language, s)
			conn, err := grpc.NewClient("passthrough:///"+front, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, row := range []struct {
				name  string
				token string
				want  codes.Code
			}{
				{"valid", s.issuer.Token(map[string]any{"scope": "read:reports"}), codes.OK},
				{"16 KB", s.largeToken(t), codes.OK},
				{"no token", "", codes.Unauthenticated},
				{"scope is missing", s.issuer.Token(map[string]any{"scope": "other"}), codes.PermissionDenied},
				{"no keys", "unavailable", codes.Unavailable},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				if row.token != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+row.token)
				}
				before := s.asked.Load()
				_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
				cancel()
				if got := status.Code(err); got != row.want {
					t.Errorf("%s: got %v (%v), want %v", row.name, got, err, row.want)
				}
				// The details say that the answer is from the guard, and not from the proxy.
				if details := status.Convert(err).Details(); err != nil && len(details) == 0 {
					t.Errorf("%s: got no details, want the details of the guard", row.name)
				}
				if asked := s.asked.Load() - before; row.token != "" && asked != 1 {
					t.Errorf("%s: got %d calls at the service, want 1", row.name, asked)
				}
			}
		})
	}
}
