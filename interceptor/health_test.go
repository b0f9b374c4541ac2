package interceptor_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// healthOf returns the status that a health server reports for a service.
func healthOf(t *testing.T, server *health.Server, service string) string {
	t.Helper()
	answer, err := server.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return status.Code(err).String()
	}
	return answer.GetStatus().String()
}

// TestWatchHealth checks the status while the issuer first has no keys, then has keys, then
// is down for longer than MaxStale, and then recovers.
func TestWatchHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		down := bearertest.Fault{Status: http.StatusInternalServerError}
		issuer.Inject(bearertest.KeysEndpoint, down)
		cache, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: issuer.Transport(), MaxStale: time.Hour, MaxInterval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = cache })
		server := health.NewServer()
		stop, err := interceptor.WatchHealth(server, v, &interceptor.HealthOptions{Services: []string{"", "test.v1.Echo"}})
		if err != nil {
			t.Fatal(err)
		}
		want := func(when, text string) {
			t.Helper()
			synctest.Wait()
			for _, service := range []string{"", "test.v1.Echo"} {
				if got := healthOf(t, server, service); got != text {
					t.Errorf("%s: %q: got %s, want %s", when, service, got, text)
				}
			}
		}
		want("before the first keys", "NOT_SERVING")
		issuer.Repair(bearertest.KeysEndpoint)
		if err := cache.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want("with keys", "SERVING")
		issuer.Inject(bearertest.KeysEndpoint, down)
		time.Sleep(30 * time.Minute)
		want("in an outage", "SERVING")
		time.Sleep(time.Hour)
		want("in an outage longer than MaxStale", "NOT_SERVING")
		issuer.Repair(bearertest.KeysEndpoint)
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want("after the outage", "SERVING")
		for range 2 {
			stop()
		}
		if err := cache.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want("after stop", "SERVING") // a stopped watch does not update the status
	})
}

// TestHealthOverTheWire checks that a load balancer can call the health service without a
// token. The guard must refuse other calls without a token.
func TestHealthOverTheWire(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil) // the key set of this verifier is fixed
	guard := newGuard(t, v, echoRules, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}})
	listener, dial, target := onBufconn(t)
	server := grpc.NewServer(guard.ServerOptions()...)
	healthServer := health.NewServer()
	stop, err := interceptor.WatchHealth(healthServer, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	grpc_health_v1.RegisterHealthServer(server, healthServer)
	server.RegisterService(&echoDesc, echo{})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	conn, err := grpc.NewClient(target, dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("got the status %v (error: %v), want SERVING", answer.GetStatus(), err)
	}
	if err := conn.Invoke(context.Background(), say, &grpc_health_v1.HealthCheckRequest{}, &grpc_health_v1.HealthCheckResponse{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("got error %v, want code %v", err, codes.Unauthenticated)
	}
}

// TestWatchStreams opens as many Watch streams as a client without a token can. With
// grpc.MaxConcurrentStreams, a connection can have only this number of streams. Without a rule for
// Watch, a client can open no stream.
func TestWatchStreams(t *testing.T) {
	const most = 10
	for _, row := range []struct {
		name    string
		rules   scopes.Methods
		refused bool
	}{
		{"public", interceptor.Health(scopes.Public()), false},
		{"without Watch", scopes.Methods{"/grpc.health.v1.Health/Check": scopes.Public()}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard := newGuard(t, newVerifier(t, newIssuer(t), nil), row.rules, nil)
				listener, dial, target := onBufconn(t)
				server := grpc.NewServer(append(guard.ServerOptions(), grpc.MaxConcurrentStreams(most))...)
				grpc_health_v1.RegisterHealthServer(server, health.NewServer())
				go func() { _ = server.Serve(listener) }()
				defer server.Stop()
				conn, err := grpc.NewClient(target, dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				open := 0
				for range 2 * most {
					limited, cancel := context.WithCancel(ctx)
					timer := time.AfterFunc(time.Second, cancel)
					watch, err := grpc_health_v1.NewHealthClient(conn).Watch(limited, &grpc_health_v1.HealthCheckRequest{})
					if err == nil {
						_, err = watch.Recv()
					}
					if err == nil {
						open++
						timer.Stop()
					} else if got := status.Code(err); row.refused && got != codes.Unauthenticated && got != codes.PermissionDenied {
						t.Errorf("got code %v, want a refusal", got)
					}
					defer cancel()
				}
				want := most
				if row.refused {
					want = 0
				}
				if open != want {
					t.Errorf("got %d open streams, want %d", open, want)
				}
			})
		})
	}
}

func TestWatchHealthBadInput(t *testing.T) {
	var noVerifier *bearer.JWTVerifier
	var noServer *health.Server
	_, err := interceptor.WatchHealth(noServer, noVerifier, &interceptor.HealthOptions{Interval: -1})
	for _, want := range []string{"server: nil", "source: nil", "HealthOptions.Interval: -1ns: must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	_, err = interceptor.WatchHealth(health.NewServer(), newVerifier(t, newIssuer(t), nil), &interceptor.HealthOptions{Interval: 5})
	if want := "HealthOptions.Interval: 5 is 5ns, which is too short; did you mean 5*time.Second?"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Interval without a unit: got %v, want an error with %q", err, want)
	}
	if _, err := interceptor.WatchHealth(nil, nil, nil); err == nil {
		t.Error("nil server and source: got a watch, want an error")
	}
}

// TestWatchHealthAnyIssuer checks the status if only one of two issuers has keys. The status
// must be SERVING with AnyIssuer, and NOT_SERVING without AnyIssuer.
func TestWatchHealthAnyIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		fixed, err := jwks.Parse(issuer.JWKS())
		if err != nil {
			t.Fatal(err)
		}
		var issuers bearer.Issuers
		defer issuers.Close()
		for name, keys := range map[string]bearer.KeySet{"https://a.example": cache, "https://b.example": fixed} {
			if err := issuers.Add(bearer.Config{Issuer: name, Audience: []string{"api"}, Keys: keys}); err != nil {
				t.Fatal(err)
			}
		}
		for anyIssuer, want := range map[bool]string{true: "SERVING", false: "NOT_SERVING"} {
			server := health.NewServer()
			stop, err := interceptor.WatchHealth(server, &issuers, &interceptor.HealthOptions{AnyIssuer: anyIssuer})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := healthOf(t, server, ""); got != want {
				t.Errorf("AnyIssuer %v: got %s, want %s", anyIssuer, got, want)
			}
			stop()
		}
	})
}
