package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// ordersAPI returns an API with the base URL https://api.example. It accepts bearer tokens and bound
// tokens.
func ordersAPI(config bearer.Config, observer bearer.Observer) (http.Handler, error) {
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}, Logger: config.Logger})
	if err != nil {
		return nil, err
	}
	config.Bindings = []bearer.Binding{binding}
	verifier, err := bearer.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(verifier, &middleware.Options{Observer: observer})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.Require(scopes.All("read:orders"))(http.HandlerFunc(listOrders)))
	return mux, nil
}

// listOrders tells bound tokens from bearer tokens. The guard has checked the proof.
func listOrders(w http.ResponseWriter, r *http.Request) {
	claims, ok := bearer.FromContext(r.Context())
	if !ok { // the route has no guard, or its rule is public
		http.Error(w, "no caller", http.StatusInternalServerError)
		return
	}
	if thumbprint := claims.BoundTo("jkt"); thumbprint != "" {
		_, _ = fmt.Fprintf(w, "the key %s of a client of %s", thumbprint, claims.Issuer())
		return
	}
	_, _ = fmt.Fprint(w, "a bearer token of ", claims.ClientID())
}

// unboundClients logs each allowed request with a token that is not bound to a key.
type unboundClients struct{ log *slog.Logger }

// Observe implements bearer.Observer.
func (u unboundClients) Observe(ctx context.Context, event bearer.Event) {
	if event.Reason == "" && event.Claims != nil && event.Claims.BoundTo("jkt") == "" {
		u.log.InfoContext(ctx, "token is not bound", "client", event.Claims.ClientID(), "route", event.Route)
	}
}

// The API accepts bound tokens with a proof of the key, and bearer tokens.
func ExampleGuard_Require_bound() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	config := bearer.Config{Issuer: issuer.URL(), Audience: []string{"orders-api"}, Logger: slog.New(slog.DiscardHandler)}
	api, err := ordersAPI(config, unboundClients{log})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	claims := map[string]any{"aud": "orders-api", "client_id": "ci", "scope": "read:orders"}
	token := issuer.Token(claims)
	claims["cnf"] = map[string]any{"jkt": client.Thumbprint()}
	bound := issuer.Token(claims)
	proof, err := client.Proof(http.MethodGet, "https://api.example/orders", bound, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range []struct{ name, authorization, proof string }{
		{"bearer token", "Bearer " + token, ""},
		{"bound token", "DPoP " + bound, proof},
		{"same proof", "DPoP " + bound, proof},
		{"no proof", "DPoP " + bound, ""},
		{"bound token as a bearer token", "Bearer " + bound, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/orders?page=2", http.NoBody)
		r.Header.Set("Authorization", row.authorization)
		if row.proof != "" {
			r.Header.Set("DPoP", row.proof)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, row.name)
	}
	// Output:
	// level=INFO msg="token is not bound" client=ci route="GET /orders"
	// 200 bearer token
	// 200 bound token
	// 401 same proof
	// 401 no proof
	// 401 bound token as a bearer token
}
