package bearertest_test

// The page docs/testing.md contains parts of this file.

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// deploy is the handler under test.
func deploy(w http.ResponseWriter, r *http.Request) {
	claims, ok := bearer.FromContext(r.Context())
	if !ok { // the route has no guard
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "deploying for %s\n", claims.ClientID()) //nolint:errcheck // an error means that the client is gone
}

// A handler can be tested with claims in the context. Such a test needs no issuer, no token
// and no guard.
func ExampleClaims() {
	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "deploy:applications"})
	request := httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)
	request = request.WithContext(bearer.NewContext(request.Context(), claims))
	response := httptest.NewRecorder()
	deploy(response, request)
	fmt.Print(response.Code, " ", response.Body)

	response = httptest.NewRecorder()
	deploy(response, httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)) // no claims
	fmt.Print(response.Code, " ", response.Body)
	// Output:
	// 201 deploying for ci
	// 500 internal error
}

// Deployer contains the custom claims of a token.
type Deployer struct {
	Environment string `json:"environment"`
}

// environment is a handler that reads custom claims.
func environment(w http.ResponseWriter, r *http.Request) {
	deployer, ok := bearer.Custom[Deployer](r.Context())
	if !ok { // the route has no guard, or Config.Custom decodes a different type
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, deployer.Environment) //nolint:errcheck // an error means that the client is gone
}

// A test adds custom claims with Claims.WithCustom.
func ExampleClaims_custom() {
	claims := bearertest.Claims(nil).WithCustom(Deployer{Environment: "staging"})
	request := httptest.NewRequest(http.MethodGet, "/environment", http.NoBody)
	request = request.WithContext(bearer.NewContext(request.Context(), claims))
	response := httptest.NewRecorder()
	environment(response, request)
	fmt.Print(response.Code, " ", response.Body)
	// Output:
	// 200 staging
}

func TestDeploy(t *testing.T) {
	for name, test := range map[string]struct {
		claims *bearer.Claims
		want   int
	}{
		"with claims": {bearertest.Claims(map[string]any{"client_id": "ci"}), http.StatusCreated},
		"no claims":   {nil, http.StatusInternalServerError},
	} {
		ctx := bearer.NewContext(t.Context(), test.claims)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
		response := httptest.NewRecorder()
		deploy(response, request)
		if response.Code != test.want {
			t.Errorf("%s: got status %d, want %d", name, response.Code, test.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	claims := bearertest.Claims(nil).WithCustom(Deployer{Environment: "staging"})
	ctx := bearer.NewContext(t.Context(), claims)
	response := httptest.NewRecorder()
	environment(response, httptest.NewRequestWithContext(ctx, http.MethodGet, "/environment", http.NoBody))
	if got, want := response.Body.String(), "staging\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// newAPI makes the handler of the service, with its rules.
func newAPI(verifier bearer.Verifier) (*http.ServeMux, *middleware.Guard, error) {
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), http.HandlerFunc(deploy))
	guard.Handle(mux, "GET /healthz", scopes.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return mux, guard, nil
}

// post returns the status of a request to the API with this token. An empty token means no token.
func post(ctx context.Context, api http.Handler, token string) int {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response := httptest.NewRecorder()
	api.ServeHTTP(response, request)
	return response.Code
}

// newIssuer returns an issuer without a listener. It works inside synctest.Test, because its
// transport starts no goroutine.
func newIssuer() *bearertest.Issuer {
	return bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{"deployment-api"}})
}

// newTestAPI returns the API with a verifier for the tokens of the issuer.
func newTestAPI(t *testing.T, issuer *bearertest.Issuer) http.Handler {
	t.Helper()
	verifier, err := bearer.New(bearer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"deployment-api"},
		KeyOptions: &jwks.Options{Transport: issuer.Transport()},
		Logger:     slog.New(slog.NewTextHandler(t.Output(), nil)), // go test -v shows why a request was refused
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	api, _, err := newAPI(verifier)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		api := newTestAPI(t, issuer)
		allowed := map[string]any{"scope": "deploy:applications"}
		for name, test := range map[string]struct {
			token string
			want  int
		}{
			"allowed":        {issuer.Token(allowed), http.StatusCreated},
			"no token":       {"", http.StatusUnauthorized},
			"wrong scope":    {issuer.Token(map[string]any{"scope": "read:deployments"}), http.StatusForbidden},
			"wrong audience": {issuer.Token(map[string]any{"scope": "deploy:applications", "aud": "billing-api"}), http.StatusUnauthorized},
			"forged":         {issuer.Forge(nil, allowed), http.StatusUnauthorized},
		} {
			if got := post(t.Context(), api, test.token); got != test.want {
				t.Errorf("%s: got status %d, want %d", name, got, test.want)
			}
		}
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		api := newTestAPI(t, issuer)
		token := issuer.Token(map[string]any{"scope": "deploy:applications", "exp": time.Now().Add(time.Hour)})
		if got := post(t.Context(), api, token); got != http.StatusCreated {
			t.Errorf("got status %d, want 201", got)
		}
		time.Sleep(time.Hour) // the clock of synctest
		if got := post(t.Context(), api, token); got != http.StatusUnauthorized {
			t.Errorf("after 1 h: got status %d, want 401", got)
		}
	})
}

func TestDeploymentsWithFakeTokens(t *testing.T) {
	claims := map[string]*bearer.Claims{ // by token
		"deployer": bearertest.Claims(map[string]any{"client_id": "ci", "scope": "deploy:applications"}),
		"reader":   bearertest.Claims(map[string]any{"client_id": "ui", "scope": "read:deployments"}),
	}
	fake := bearer.VerifierFunc(func(_ context.Context, token string) (*bearer.Claims, error) {
		if c, ok := claims[token]; ok {
			return c, nil
		}
		return nil, bearer.BadSignature
	})
	api, _, err := newAPI(fake)
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"deployer": 201, "reader": 403, "unknown": 401} {
		if got := post(t.Context(), api, token); got != want {
			t.Errorf("token %q: got status %d, want %d", token, got, want)
		}
	}
}

func TestEveryRouteHasARule(t *testing.T) {
	api, guard, err := newAPI(new(bearer.JWTVerifier)) // accepts no token
	if err != nil {
		t.Fatal(err)
	}
	// A mux cannot list its routes. Keep the list of your service here.
	routes := func(yield func(method, pattern string) bool) {
		_ = yield("POST", "/deployments") && yield("GET", "/healthz")
	}
	if open := bearertest.Unguarded(api, routes); len(open) > 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
	for _, route := range guard.Routes() {
		if err := route.Rule.Err(); err != nil {
			t.Errorf("%s: %v", route.Pattern, err)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		api := newTestAPI(t, issuer)
		allowed := map[string]any{"scope": "deploy:applications"}
		before := issuer.Token(allowed)
		if got := post(t.Context(), api, before); got != http.StatusCreated {
			t.Errorf("before the rotation: got status %d, want 201", got)
		}
		issuer.Rotate()
		for name, token := range map[string]string{"old": before, "new": issuer.Token(allowed)} {
			if got := post(t.Context(), api, token); got != http.StatusCreated {
				t.Errorf("%s token: got status %d, want 201", name, got)
			}
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		issuer.Inject(bearertest.DiscoveryEndpoint, bearertest.Fault{Status: http.StatusBadGateway})
		api := newTestAPI(t, issuer)
		token := issuer.Token(map[string]any{"scope": "deploy:applications", "exp": time.Now().Add(time.Hour)})
		if got := post(t.Context(), api, token); got != http.StatusServiceUnavailable {
			t.Errorf("no keys yet: got status %d, want 503", got)
		}
		issuer.Repair(bearertest.DiscoveryEndpoint)
		time.Sleep(time.Minute) // the clock of synctest; bearer fetches the keys again
		if got := post(t.Context(), api, token); got != http.StatusCreated {
			t.Errorf("after the repair: got status %d, want 201", got)
		}
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true})
		time.Sleep(30 * time.Minute)
		if got := post(t.Context(), api, token); got != http.StatusCreated {
			t.Errorf("issuer down, keys in memory: got status %d, want 201", got)
		}
	})
}
