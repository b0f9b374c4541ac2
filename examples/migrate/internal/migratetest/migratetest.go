// Package migratetest sends the same requests to the programs before and after a migration.
package migratetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

const audience = "deployment-api"

// Open returns the handler of a program.
type Open func(ctx context.Context, issuer, keysURL, audience string) (http.Handler, error)

// request describes a request. The test of each program lists the expected statuses by the
// names of the requests.
type request struct {
	name   string
	method string
	header []string // values of Authorization
	broken bool     // the keys endpoint of the issuer returns status 500
}

func requests(i *bearertest.Issuer) []request {
	all := map[string]any{"aud": audience, "client_id": "ci", "scope": "read:deployments deploy:applications", "github_repository": "acmecorp/inventory-service"}
	with := func(name string, value any) map[string]any {
		claims := map[string]any{}
		for n, v := range all {
			claims[n] = v
		}
		claims[name] = value
		return claims
	}
	bearer := func(token string) []string { return []string{"Bearer " + token} }
	post, get := http.MethodPost, http.MethodGet
	valid := i.Token(all)
	return []request{
		{name: "valid token", method: post, header: bearer(valid)},
		{name: "no token", method: post},
		{name: "expired token", method: post, header: bearer(i.Token(with("exp", time.Now().Add(-time.Hour))))},
		{name: "token without exp", method: post, header: bearer(i.Token(with("exp", nil)))},
		{name: "token for a different audience", method: post, header: bearer(i.Token(with("aud", "billing-api")))},
		{name: "forged token", method: post, header: bearer(i.Forge(nil, all))},
		{name: "token without the required scope", method: get, header: bearer(i.Token(with("scope", "deploy:applications")))},
		{name: "scheme Bearer in lower case", method: post, header: []string{"bearer " + valid}},
		{name: "two Authorization fields", method: post, header: []string{"Bearer " + valid, "Bearer other"}},
		{name: "ID token", method: post, header: bearer(i.Mint(map[string]any{"typ": "JWT"}, with("nonce", "n-1")))},
		{name: "token bound to a client key", method: post, header: bearer(i.Token(with("cnf", map[string]string{"jkt": "x"})))},
		{name: "token with a critical extension", method: post, header: bearer(i.Mint(map[string]any{"crit": []string{"x"}, "x": 1}, all))},
		{name: "token that contains a claim twice", method: post, header: bearer(repeatedScope(i, all))},
		{name: "unknown key id while the issuer is down", method: post, header: bearer(i.Mint(map[string]any{"kid": rand.Text()}, all)), broken: true},
	}
}

// repeatedScope returns a token with two "scope" claims.
func repeatedScope(i *bearertest.Issuer, claims map[string]any) string {
	now := time.Now()
	payload := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"ci","client_id":"ci","jti":"j","iat":%d,"exp":%d,"github_repository":"x","scope":"none","scope":%q}`,
		i.URL(), audience, now.Unix(), now.Add(time.Hour).Unix(), claims["scope"])
	key := i.SigningKey("")
	return key.Sign([]byte(fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, key.Algorithm(), key.ID())), []byte(payload))
}

// Check sends all requests and compares their statuses with the map want. The keys of the map
// are the names of the requests.
func Check(t *testing.T, open Open, want map[string]int) {
	t.Helper()
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	handler, err := open(ctx, issuer.URL(), issuer.KeysURL(), audience)
	if err != nil {
		t.Fatal(err)
	}
	all := requests(issuer)
	if len(all) != len(want) {
		t.Errorf("got %d expected statuses, want %d expected statuses: each request needs one expected status", len(want), len(all))
	}
	for _, r := range all {
		if r.broken {
			issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		}
		req := httptest.NewRequestWithContext(ctx, r.method, "/deployments", http.NoBody)
		req.Header["Authorization"] = r.header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code != want[r.name] {
			t.Errorf("%s: got status %d, want status %d; body: %s", r.name, w.Code, want[r.name], w.Body)
		}
		if r.name == "valid token" && w.Body.String() != "ci deploys acmecorp/inventory-service\n" {
			t.Errorf("valid token: got body %q, want body %q", w.Body, "ci deploys acmecorp/inventory-service\n")
		}
	}
}
