package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/jwks"
)

func TestProgram(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Errorf("got error %v, want no error\n%s", err, out.String())
	}
	if got := strings.Count(out.String(), "\nok"); got != 7 || strings.Contains(out.String(), "\nNO") {
		t.Errorf("got %d lines with ok, want 7 lines with ok and no line with NO:\n%s", got, out.String())
	}
	if strings.Contains(out.String(), "-secret") || strings.Contains(out.String(), "eyJ") {
		t.Errorf("the output contains a secret or a token, want none:\n%s", out.String())
	}
}

// TestProgramFails tests that the program returns an error if calls do not have the expected
// results.
func TestProgramFails(t *testing.T) {
	issuer := newIssuer()
	defer issuer.Close()
	certificate, roots, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	api, err := start(t.Context(), issuer, apiAudience, certificate, deployments{})
	if err != nil {
		t.Fatal(err)
	}
	issuer.RemoveClient("brief")
	var out strings.Builder
	err = scenario{issuer, api.addr, roots}.run(t.Context(), &out)
	// Two results differ from the expected results. The issuer refuses the client "brief". The
	// call of the client "local" succeeds, because the service does not forward the call.
	if err == nil || err.Error() != "2 results differ from the expected results" {
		t.Errorf("got error %v, want an error about 2 results\n%s", err, out.String())
	}
	if err := api.close(); err != nil {
		t.Error(err)
	}
}

// openStreams is a service whose streams stay open until the call ends.
type openStreams struct{ deployments }

func (openStreams) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	<-stream.Context().Done()
	return nil
}

// TestReuseAndRefresh tests that the client reuses a token until 10 s before the token
// expires.
func TestReuseAndRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 10 * time.Minute
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{apiAudience}, Lifetime: lifetime, Algorithms: []string{"ES256"}})
		defer issuer.Close()
		issuer.AddClient(bearertest.Client{ID: "ci", Secret: "s", Scopes: []string{"deploy:applications"}})
		client, stop := serve(t, issuer)
		defer stop()

		start := time.Now()
		for _, row := range []struct {
			at   time.Duration
			want int // number of tokens fetched so far
		}{{0, 1}, {0, 1}, {lifetime - 11*time.Second, 1}, {lifetime - 9*time.Second, 2}, {lifetime, 2}, {2*lifetime - 20*time.Second, 2}, {2 * lifetime, 3}} {
			time.Sleep(time.Until(start.Add(row.at)))
			if _, err := client.Create(t.Context(), &deployv1.CreateRequest{}); err != nil {
				t.Errorf("after %v: got error %v, want no error", row.at, err)
			}
			if got := issuer.Fetches(bearertest.TokenEndpoint); got != row.want {
				t.Errorf("after %v: got %d fetches of tokens, want %d fetches", row.at, got, row.want)
			}
		}

		// The last call above fetched a token, so the stream stays open for the whole lifetime of a token.
		states, err := client.Watch(t.Context(), &deployv1.WatchRequest{})
		if err != nil {
			t.Fatal(err)
		}
		opened := time.Now()
		_, err = states.Recv()
		if got := time.Since(opened); status.Code(err) != codes.Unauthenticated || got != lifetime {
			t.Errorf("end of the stream: got code %v after %v, want code %v after %v; the error is %v", status.Code(err), got, codes.Unauthenticated, lifetime, err)
		}
		// The next call fetches a new token.
		if _, err := client.Create(t.Context(), &deployv1.CreateRequest{}); err != nil || issuer.Fetches(bearertest.TokenEndpoint) != 4 {
			t.Errorf("got error %v after %d fetches of tokens, want no error after 4 fetches", err, issuer.Fetches(bearertest.TokenEndpoint))
		}

		// While the issuer is down, the client uses its cached token.
		issuer.Inject(bearertest.TokenEndpoint, bearertest.Fault{Status: 503, Body: []byte("down")})
		if _, err := client.Create(t.Context(), &deployv1.CreateRequest{}); err != nil {
			t.Error(err)
		}
		time.Sleep(lifetime)
		if _, err := client.Create(t.Context(), &deployv1.CreateRequest{}); err == nil {
			t.Error("the issuer is down and the token has expired: got no error, want an error")
		}
		issuer.Repair(bearertest.TokenEndpoint)
		if _, err := client.Create(t.Context(), &deployv1.CreateRequest{}); err != nil {
			t.Error(err)
		}
	})
}

// serve serves openStreams over TLS in memory and returns a client with a source of tokens.
func serve(t *testing.T, issuer *bearertest.Issuer) (client deployv1.DeploymentsClient, stop func()) {
	t.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{apiAudience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	certificate, roots, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	server, _, err := newServer(verifier, certificate, openStreams{}, false)
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	source := tokens(clientcredentials.Config{ClientID: "ci", ClientSecret: "s", TokenURL: issuer.TokenURL()}, issuer.HTTPClient())
	conn, err := connect("passthrough:///127.0.0.1", roots, source,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	return deployv1.NewDeploymentsClient(conn), func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-ended; err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}
