package bearertest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func ExampleNewIssuer() {
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	issuer.AddClient(bearertest.Client{
		ID:       "deployer",
		Secret:   "s3cret",
		Scopes:   []string{"deploy:applications", "read:deployments"},
		Audience: []string{"deployment-api"},
	})

	response, err := http.PostForm(issuer.TokenURL(), url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {"deployer"},
		"client_secret": {"s3cret"},
		"scope":         {"read:everything"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(body))
	// Output:
	// 400 Bad Request {"error":"invalid_scope","error_description":"a scope is unknown or not granted to this client"}
}

func ExampleNewUnstartedIssuer() {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://login.example/tenant"})
	defer issuer.Close()

	response, err := issuer.HTTPClient().Get(issuer.URL() + "/.well-known/openid-configuration")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.Status, issuer.KeysURL(), issuer.Fetches(bearertest.DiscoveryEndpoint))
	// Output:
	// 200 OK https://login.example/tenant/keys 1
}

func ExampleIssuer_Token() {
	issuer := bearertest.NewUnstartedIssuer(nil)
	defer issuer.Close()

	expired := issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})
	nameless := issuer.Token(map[string]any{"sub": nil, "client_id": nil})
	tampered := bearertest.Tamper(issuer.Token(nil), map[string]any{"scope": "admin"})
	forged := issuer.Forge(nil, nil)
	fmt.Println(expired != nameless, tampered != forged)
	// Output:
	// true true
}

func ExampleIssuer_Inject() {
	issuer := bearertest.NewUnstartedIssuer(nil)
	defer issuer.Close()
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusBadGateway, Times: 1})
	for range 2 {
		response, err := issuer.HTTPClient().Get(issuer.KeysURL())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.Status)
		response.Body.Close()
	}

	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, issuer.KeysURL(), http.NoBody)
	_, err := issuer.Transport().RoundTrip(request)
	fmt.Println(err)
	// Output:
	// 502 Bad Gateway
	// 200 OK
	// context deadline exceeded
}

func ExampleNewKey() {
	key := bearertest.NewKey("ES256", "2026-11")
	fmt.Println(key.ID(), key.Algorithm(), len(key.Sign([]byte(`{"alg":"ES256"}`), []byte(`{}`))))
	// Output:
	// 2026-11 ES256 111
}

func ExampleKeyFrom() {
	key := bearertest.NewKey("RS256", "first")
	same := bearertest.KeyFrom(key.Signer(), "PS256", "second")
	fmt.Println(same.ID(), same.Algorithm())
	// Output:
	// second PS256
}

func ExampleUnguarded() {
	guard, err := middleware.New(new(bearer.JWTVerifier), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	guard.Handle(mux, "GET /healthz", scopes.Public(), ok)
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), ok)
	mux.Handle("GET /deployments/{id}", ok) // without a guard
	routes := func(yield func(method, pattern string) bool) {
		_ = yield("GET", "/healthz") && yield("POST", "/deployments") && yield("GET", "/deployments/{id}")
	}
	fmt.Println(bearertest.Unguarded(mux, routes))
	// Output: [GET /deployments/{id}]
}
