package realissuers_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/dpop"
)

// dpopCallers are the clients of the tests: a package of npm, and the algorithm of its key.
// The first client with a package is the client of the recordings.
var dpopCallers = []struct{ name, alg string }{
	{"dpop", "ES256"},
	{"oauth4webapi", "ES256"},
	{"openid-client", "Ed25519"},
	{"dpop", "RS256"},
	{"oauth4webapi", "Ed25519"},
	{"openid-client", "PS256"},
}

// fronts are the servers that end TLS in front of an API.
var fronts = []struct {
	name  string
	start func(*testing.T, *certificate, http.Handler) string
}{{"Go", startTLS}, {"nginx", startNginx}, {"HAProxy", startHAProxy}}

// TestDPoP uses three packages of npm as clients of an API that accepts only tokens with a
// proof of possession (RFC 9449). oidc-provider issues the tokens. A server of Go, nginx or
// HAProxy ends TLS in front of the API.
func TestDPoP(t *testing.T) {
	server := startOIDCProvider(t)
	clients := install(t, "dpopclients")
	cert := newCertificate(t)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	for _, front := range fronts {
		t.Run(front.name, func(t *testing.T) {
			i := server.issuer("ES256")
			start := func(h http.Handler) string { return front.start(t, cert, h) }
			apis := []*boundAPI{newBoundAPI(t, i, dpop.Options{}, start), newBoundAPI(t, i, dpop.Options{NonceKeys: [][]byte{key}}, start)}
			open := newBoundAPI(t, i, dpop.Options{InsecureAnyOrigin: true}, start)
			for n, row := range dpopCallers {
				t.Run(row.name+" "+row.alg, func(t *testing.T) {
					caller := startCaller(t, clients, cert, i, row.name, row.alg)
					r := &recording{Client: row.name + " " + clients.version(t, row.name), Issuer: "oidc-provider " + server.version(t, "oidc-provider")}
					for _, api := range apis {
						r.add(testCalls(t, api, caller, api == apis[1]))
						testThief(t, api, cert)
					}
					if front.name == "Go" && n < 3 {
						r.write(t, row.name, i, caller)
					}
				})
			}
			t.Run("without Origins", func(t *testing.T) {
				testWithoutOrigins(t, open, startCaller(t, clients, cert, i, "oauth4webapi", "ES256"), front.name == "Go")
			})
		})
	}
}

// testWithoutOrigins calls an API that takes the scheme and the host from the request. If a
// proxy ends TLS, the API does not see the scheme of the client. Then it must refuse the proof.
func testWithoutOrigins(t *testing.T, api *boundAPI, c *caller, want bool) {
	t.Helper()
	got := c.call(t, "GET", api.origin+"/orders/7", "")
	if accepted := got.Status == http.StatusOK; accepted != want || !accepted && !strings.Contains(got.Challenge, `error="invalid_dpop_proof"`) {
		t.Errorf("got status %d and challenge %q, want an accepted request: %t, and otherwise the error invalid_dpop_proof", got.Status, got.Challenge, want)
	}
}

// startTLS serves a handler with TLS and returns the origin.
func startTLS(t *testing.T, cert *certificate, h http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = cert.config()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// caller is a running client: client.mjs in Node.
type caller struct {
	*program

	grant json.RawMessage
	token string
}

// startCaller starts a client, which gets a bound token.
func startCaller(t *testing.T, clients packages, cert *certificate, i *issuer, name, alg string) *caller {
	t.Helper()
	settings, err := json.Marshal(map[string]string{"issuer": i.url, "id": clientID, "secret": clientSecret, "resource": i.audience, "scope": read, "alg": alg})
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{program: clients.start(t, []string{"NODE_EXTRA_CA_CERTS=" + filepath.Join(cert.dir, "cert.pem")}, "client.mjs", name, string(settings))}
	c.receive(t, &c.grant)
	var g grant
	if err := json.Unmarshal(c.grant, &g); err != nil {
		t.Fatal(err)
	}
	if !strings.EqualFold(g.TokenType, "DPoP") || g.AccessToken == "" {
		t.Fatalf("got a token of type %q, error %q and description %q, want a token of type DPoP", g.TokenType, g.Error, g.Description)
	}
	c.token = g.AccessToken
	return c
}

// answer is the last response that the client got to one call.
type answer struct {
	Status    int    `json:"status"`
	Challenge string `json:"challenge"`
}

// call makes the client call the API.
func (c *caller) call(t *testing.T, method, url, body string) answer {
	t.Helper()
	request := map[string]string{"method": method, "url": url}
	if body != "" {
		request["body"] = body
	}
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	c.send(t, string(line))
	var got answer
	c.receive(t, &got)
	return got
}

// testCalls makes the client call the API. Each call must be accepted. If the API requires
// nonces, the client must follow the challenge in the first response.
func testCalls(t *testing.T, api *boundAPI, c *caller, nonces bool) []seenRequest {
	t.Helper()
	_, claims := parts(t, c.token)
	var token struct {
		Confirmation struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	if err := json.Unmarshal(claims, &token); err != nil || token.Confirmation.Thumbprint == "" {
		t.Fatalf("got the claims %s, want a token with cnf.jkt", claims)
	}
	var all []seenRequest
	for n, row := range []struct{ method, target, fragment, body string }{
		{"GET", "/orders/7%2F8?limit=2&sort=a%20b", "#items", ""},
		{"POST", "/orders", "", `{"item":1}`},
		{"GET", "/orders/%7Ea%c3%a9", "", ""},
	} {
		answer := c.call(t, row.method, api.origin+row.target+row.fragment, row.body)
		seen := api.take()
		if answer.Status != http.StatusOK {
			t.Errorf("%s %s: got status %d and challenge %q, want 200; the requests at the API are %+v", row.method, row.target, answer.Status, answer.Challenge, seen)
			continue
		}
		if got, thumbprint := api.accepted(); got != row.method+" "+row.target || thumbprint != token.Confirmation.Thumbprint {
			t.Errorf("got the accepted request %q with thumbprint %q, want %s %s with %q", got, thumbprint, row.method, row.target, token.Confirmation.Thumbprint)
		}
		want := 1
		if nonces && n == 0 {
			want = 2
			if first := seen[0]; first.Status != http.StatusUnauthorized || first.Nonce == "" || !strings.Contains(fmt.Sprint(first.Challenge), `error="use_dpop_nonce"`) {
				t.Errorf("first request: got %+v, want 401 with the error use_dpop_nonce and a nonce", first)
			}
		}
		if len(seen) != want {
			t.Errorf("%s %s: got %d requests at the API, want %d", row.method, row.target, len(seen), want)
		}
		all = append(all, seen...)
	}
	if len(all) == 0 {
		t.FailNow()
	}
	api.mu.Lock()
	api.stolen = all[len(all)-1]
	api.mu.Unlock()
	return all
}

// testThief uses a token and a proof that were stolen from the last request. The thief does
// not have the key of the client.
func testThief(t *testing.T, api *boundAPI, cert *certificate) {
	t.Helper()
	api.mu.Lock()
	stolen := api.stolen
	api.mu.Unlock()
	token := strings.TrimPrefix(stolen.authorization, "DPoP ")
	thief, err := dpop.GenerateSigner()
	if err != nil {
		t.Fatal(err)
	}
	own, err := thief.Proof(stolen.method, api.origin+stolen.uri, token, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, method, uri, authorization string
		proofs                           []string
		want                             string
	}{
		{"replay", stolen.method, stolen.uri, stolen.authorization, stolen.Proofs, "invalid_dpop_proof"},
		{"replay with a different query", stolen.method, stolen.uri + "?x=1", stolen.authorization, stolen.Proofs, "invalid_dpop_proof"},
		{"different path", stolen.method, "/orders/9", stolen.authorization, stolen.Proofs, "invalid_dpop_proof"},
		{"different method", "POST", "/orders", stolen.authorization, stolen.Proofs, "invalid_dpop_proof"},
		{"no proof", stolen.method, stolen.uri, stolen.authorization, nil, "invalid_dpop_proof"},
		{"proof with the key of the thief", stolen.method, stolen.uri, stolen.authorization, []string{own}, "invalid_token"},
		{"scheme Bearer", stolen.method, stolen.uri, "Bearer " + token, nil, "invalid_token"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), row.method, api.origin+row.uri, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", row.authorization)
		req.Header["Dpop"] = row.proofs
		resp, err := cert.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		challenge := resp.Header.Get("WWW-Authenticate")
		if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, `error="`+row.want+`"`) {
			t.Errorf("%s: got status %d and challenge %q, want 401, the scheme DPoP and the error %s", row.name, resp.StatusCode, challenge, row.want)
		}
	}
	api.take()
}
