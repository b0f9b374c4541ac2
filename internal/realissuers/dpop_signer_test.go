package realissuers_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
)

// TestDPoPSigner checks the proofs of package dpop with two other implementations. oidc-provider
// issues a token for a proof, and oauth4webapi checks a request with this token and a proof.
func TestDPoPSigner(t *testing.T) {
	i := startOIDCProvider(t).issuer("ES256")
	settings, err := json.Marshal(map[string]string{"issuer": i.url, "audience": i.audience})
	if err != nil {
		t.Fatal(err)
	}
	judge := install(t, "dpopclients").start(t, nil, "judge.mjs", string(settings))
	for _, row := range []struct{ key, alg string }{{"ES256", ""}, {"EdDSA", "Ed25519"}, {"RS256", "RS256"}, {"RS256", "PS256"}} {
		signer, err := dpop.NewSigner(bearertest.NewKey(row.key, "").Signer(), row.alg)
		if err != nil {
			t.Fatal(err)
		}
		token := mintBound(t, i, signer)
		for _, call := range []struct{ method, signed, sent, want string }{
			{"GET", "https://api.example/orders/7%2F8?limit=2", "https://api.example/orders/7%2F8?limit=3", ""},
			{"POST", "https://api.example", "https://api.example/", ""},
			{"GET", "https://api.example/a/../b", "https://api.example/b", ""},
			{"GET", "https://api.example/%7Ea", "https://api.example/~a", "htu"},
			{"GET", "https://api.example/orders/7", "https://api.example/orders/8", "htu"},
		} {
			proof, err := signer.Proof(call.method, call.signed, token, "")
			if err != nil {
				t.Fatal(err)
			}
			request, err := json.Marshal(map[string]any{
				"method": call.method, "url": call.sent, "headers": map[string]string{"authorization": "DPoP " + token, "dpop": proof},
			})
			if err != nil {
				t.Fatal(err)
			}
			judge.send(t, string(request))
			var got struct {
				Error string `json:"error"`
			}
			if judge.receive(t, &got); (got.Error == "") != (call.want == "") || !strings.Contains(got.Error, call.want) {
				t.Errorf("%s, proof for %s %s, request for %s: got error %q, want an error with %q (empty: no error)", signer.Algorithm(), call.method, call.signed, call.sent, got.Error, call.want)
			}
		}
	}
}

// mintBound requests a token that is bound to the key of the signer.
func mintBound(t *testing.T, i *issuer, signer *dpop.Signer) string {
	t.Helper()
	proof, err := signer.Proof(http.MethodPost, i.tokenURL, "", "")
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {read}, "resource": {i.audience}}
	g := post(t, i.tokenURL, form, http.Header{"Dpop": {proof}})
	if _, claims := parts(t, g.AccessToken); g.TokenType != "DPoP" || !strings.Contains(string(claims), `"jkt":"`+signer.Thumbprint()+`"`) {
		t.Errorf("%s: got a token of type %q with the claims %s, want the type DPoP and cnf.jkt %s", signer.Algorithm(), g.TokenType, claims, signer.Thumbprint())
	}
	return g.AccessToken
}
