package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/grpcgateway/deploygw"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestProgram(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Errorf("got error %v, want no error\n%s", err, out.String())
	}
	if got := strings.Count(out.String(), "\nok"); got != len(endpoints()) {
		t.Errorf("got %d lines with ok, want %d lines with ok:\n%s", got, len(endpoints()), out.String())
	}
}

// api is the API of the program. Its verifier counts calls and can refuse tokens.
type api struct {
	url, good string
	conn      *grpc.ClientConn
	calls     atomic.Int32
	refuse    func(nth int32) error // if set, returns the error for the nth call, or nil to accept the token
}

func newAPI(t *testing.T) *api {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"ES256"}})
	t.Cleanup(issuer.Close)
	a := &api{good: "Bearer " + issuer.Token(map[string]any{"client_id": "ci", "scope": "deploy:applications read:deployments"})}
	verifier := newVerifier(t, issuer)
	counting := bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		nth := a.calls.Add(1)
		if a.refuse != nil {
			if err := a.refuse(nth); err != nil {
				return nil, err
			}
		}
		return verifier.Verify(ctx, token)
	})
	addr, stop, err := serve(t.Context(), counting)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	a.url = "http://" + addr
	a.conn, err = grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.conn.Close() }) // the error does not matter, because all calls have ended
	return a
}

func newVerifier(t *testing.T, issuer *bearertest.Issuer) bearer.Verifier {
	t.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// call sends a request and returns the response.
func (a *api) call(t *testing.T, method, route string, header http.Header) (code int, answered http.Header, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.url+route, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(read)
}

// TestCheckedAtLeastOnce tests that each endpoint that is not public calls the verifier.
func TestCheckedAtLeastOnce(t *testing.T) {
	a := newAPI(t)
	for _, e := range endpoints() {
		a.calls.Store(0)
		if _, err := e.status(t.Context(), client{a.url, a.conn}, strings.TrimPrefix(a.good, "Bearer ")); err != nil {
			t.Errorf("%s %s: got error %v, want no error", e.over, e.name, err)
		}
		public := strings.Contains(e.name, "ealth")
		if got := a.calls.Load(); (got == 0) != public {
			t.Errorf("%s %s (public: %v): got %d calls of the verifier, want none for a public endpoint and at least one for other endpoints", e.over, e.name, public, got)
		}
	}
	for _, method := range []string{"Create", "Watch", "Delete", "Logs"} {
		err := a.conn.Invoke(t.Context(), "/deploy.v1.Deployments/"+method, &emptypb.Empty{}, &emptypb.Empty{})
		if got := status.Code(err); got != codes.Unauthenticated {
			t.Errorf("%s without a token: got code %v, want code %v", method, got, codes.Unauthenticated)
		}
	}
}

// TestMisplacedRequests sends credentials in wrong places. It also sends requests of one
// protocol over the other protocol.
func TestMisplacedRequests(t *testing.T) {
	a := newAPI(t)
	for _, row := range []struct {
		name, method, route string
		header              http.Header
		want                int
	}{
		{"valid token", "POST", "/v1/deployments", http.Header{"Authorization": {a.good}}, 200},
		{"two Authorization fields", "POST", "/v1/deployments", http.Header{"Authorization": {a.good, a.good}}, 400},
		{"token as metadata", "POST", "/v1/deployments", http.Header{"Grpc-Metadata-Authorization": {a.good}}, 401},
		{"token as metadata, stream", "GET", "/v1/deployments/d/states", http.Header{"Grpc-Metadata-Authorization": {a.good}}, 401},
		{"valid token and metadata fields", "POST", "/v1/deployments", http.Header{"Authorization": {a.good}, "Grpc-Metadata-Authorization": {"Bearer x"}, "Grpc-Metadata-Authorization-Bin": {"eA"}}, 200},
		{"token in the query", "POST", "/v1/deployments?access_token=" + strings.TrimPrefix(a.good, "Bearer "), http.Header{}, 401},
		{"content type of gRPC over HTTP/1.1", "POST", "/v1/deployments", http.Header{"Content-Type": {"application/grpc"}}, 401},
		{"path of gRPC over HTTP/1.1", "POST", "/deploy.v1.Deployments/Create", http.Header{"Content-Type": {"application/grpc"}}, 404},
		{"method without a route", "PUT", "/v1/deployments", http.Header{}, 401},
		{"method override", "POST", "/v1/deployments/d", http.Header{"X-Http-Method-Override": {"DELETE"}}, 401},
	} {
		if got, _, body := a.call(t, row.method, row.route, row.header); got != row.want {
			t.Errorf("%s: got status %d, want status %d; body: %s", row.name, got, row.want, body)
		}
	}
	for _, route := range []string{"/whoami", "/v1/deployments"} { // HTTP routes that the test calls over gRPC
		err := a.conn.Invoke(t.Context(), route, &emptypb.Empty{}, &emptypb.Empty{})
		if got := status.Code(err); got != codes.Unimplemented {
			t.Errorf("%s over gRPC: got code %v, want code %v", route, got, codes.Unimplemented)
		}
	}
}

// TestRefusedByServiceOnly uses a verifier that returns an error only at the second call. The
// HTTP guard makes the first call and allows the request. The guard of the gRPC service makes
// the second call.
func TestRefusedByServiceOnly(t *testing.T) {
	for _, row := range []struct {
		err              error
		status           int
		challenge, retry string
	}{
		{bearer.Revoked, 401, `Bearer realm="api", error="invalid_token", error_description="The access token was revoked"`, ""},
		{bearer.Expired, 401, `Bearer realm="api", error="invalid_token", error_description="The access token expired"`, ""},
		{bearer.UnknownKey, 401, `Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`, ""}, // the gateway gets INVALID_TOKEN
		{&bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second}, 503, "", "7"},
		{bearer.Internal, 500, "", ""},
	} {
		a := newAPI(t)
		a.refuse = func(nth int32) error {
			if nth == 2 {
				return row.err
			}
			return nil
		}
		got, header, body := a.call(t, "POST", "/v1/deployments", http.Header{"Authorization": {a.good}})
		challenge, retry := strings.Join(header.Values("WWW-Authenticate"), "|"), header.Get("Retry-After")
		if got != row.status || challenge != row.challenge || retry != row.retry || strings.Contains(body, "eyJ") {
			t.Errorf("%v: got status %d, challenge %q and Retry-After %q, want status %d, challenge %q and Retry-After %q; body: %s", row.err, got, challenge, retry, row.status, row.challenge, row.retry, body)
		}
	}
}

// TestInProcess registers the service in the gateway without a connection. Without the
// connection, only the rule of the HTTP guard applies. The gateway therefore needs a
// connection to the service.
func TestInProcess(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	guard, err := middleware.New(newVerifier(t, issuer), nil)
	if err != nil {
		t.Fatal(err)
	}
	gateway := runtime.NewServeMux()
	if err := deploygw.RegisterDeploymentsHandlerServer(t.Context(), gateway, deployments{}); err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/deployments", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"scope": "read:nothing"}))
	for rule, want := range map[string]int{"": 200, "deploy:applications": 403} {
		required := scopes.All(strings.Fields(rule)...)
		w := httptest.NewRecorder()
		guard.Require(required)(gateway).ServeHTTP(w, request)
		if w.Code != want {
			t.Errorf("HTTP rule %v: got status %d, want status %d", required, w.Code, want)
		}
	}
}
