package realissuers_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
)

// TestOIDCProvider uses oidc-provider from npm. Its access tokens follow RFC 9068, so the
// zero profile accepts them.
func TestOIDCProvider(t *testing.T) {
	server := startOIDCProvider(t)
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) { testLifecycle(t, server.issuer(alg)) })
	}
	t.Run("tokens of a user", func(t *testing.T) { testUserTokens(t, server) })
	t.Run("opaque token", func(t *testing.T) {
		i := server.issuer("RS256")
		i.form = nil // without the parameter resource, the token is opaque
		v, _ := i.verifier(t)
		_, err := v.Verify(t.Context(), i.mint(t))
		if reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "opaque") {
			t.Errorf("got %v, want reason %q and a hint that the token may be opaque", err, bearer.Malformed)
		}
	})
	t.Run("token bound to a client key", func(t *testing.T) { testBoundToken(t, server) })
}

// oidcProvider is a running oidc-provider: server.mjs in Node.
type oidcProvider struct {
	*program

	url string
}

func (p *oidcProvider) issuer(alg string) *issuer {
	resource := audience + "/" + alg
	return &issuer{
		url: p.url, tokenURL: p.url + "/token", form: url.Values{"resource": {resource}}, alg: alg, audience: resource,
		rotate:   func(t *testing.T) { t.Helper(); p.order(t, "rotate") },
		withdraw: func(t *testing.T) { t.Helper(); p.order(t, "withdraw") },
	}
}

// order sends a command to server.mjs and waits until the command is done.
func (p *oidcProvider) order(t *testing.T, command string) {
	t.Helper()
	p.send(t, command)
	var answer struct {
		Done string `json:"done"`
	}
	if p.receive(t, &answer); answer.Done != command {
		t.Fatalf("got the answer to the command %q, want %q", answer.Done, command)
	}
}

// startOIDCProvider installs oidc-provider and runs it until the test ends. It skips the
// test if oidc-provider cannot be installed on this machine.
func startOIDCProvider(t *testing.T) *oidcProvider {
	t.Helper()
	p := &oidcProvider{program: install(t, "oidcprovider").start(t, nil, "server.mjs", clientSecret)}
	var hello struct {
		URL string `json:"url"`
	}
	if p.receive(t, &hello); hello.URL == "" {
		t.Fatal("got no URL, want the URL of oidc-provider")
	}
	p.url = hello.URL
	return p
}

// testUserTokens logs a user in. The access token must be accepted. The ID token in the same
// response must be refused, even if the configuration of the verifier is not strict.
func testUserTokens(t *testing.T, server *oidcProvider) {
	t.Helper()
	i := server.issuer("RS256")
	v, _ := i.verifier(t)
	g := login(t, i)
	claims, err := v.Verify(t.Context(), g.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject() != "user-1" || claims.ClientID() != clientID || claims.Scopes().String() != read {
		t.Errorf("access token: got subject %q, client %q, scopes %q, want user-1, %s and %s", claims.Subject(), claims.ClientID(), claims.Scopes(), clientID, read)
	}
	_, keys := i.verifier(t)
	for _, row := range []struct {
		name    string
		profile bearer.Profile
		want    bearer.Reason // "" if any refusal is correct
	}{
		{"RFC 9068", bearer.Profile{}, bearer.WrongType},
		{"profile that allows a missing typ and requires no claims", bearer.Profile{Types: []string{"", "JWT", "at+jwt"}, Required: []string{}}, bearer.InvalidClaims},
		{"Auth0", bearer.Auth0, ""},
		{"Keycloak", bearer.Keycloak, ""},
		{"PingOne", bearer.PingOne, ""},
	} {
		cfg := i.config(keys)
		// The audience of an ID token is the client. Config.Audience lists the client, so
		// that the check of the audience accepts the ID token.
		cfg.Profile, cfg.Audience = row.profile, []string{i.audience, clientID}
		v, err := bearer.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(t.Context(), g.IDToken)
		if got := reasonOf(t, err); got == "" || row.want != "" && got != row.want {
			t.Errorf("ID token with profile %q: got error %v, want an error with reason %q (empty: any reason)", row.name, err, row.want)
		}
	}
}

// login runs the authorization code flow and returns the tokens. It fills in the forms of
// oidc-provider's devInteractions.
func login(t *testing.T, i *issuer) grant {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host == "client.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	verifier := oauth2.GenerateVerifier()
	flow := oauth2.Config{ClientID: clientID, RedirectURL: "https://client.example/callback", Scopes: []string{"openid", read}}
	flow.Endpoint.AuthURL = i.url + "/auth"
	resource := oauth2.SetAuthURLParam("resource", i.audience)
	page := flow.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), resource, oauth2.SetAuthURLParam("nonce", "n"))
	resp, err := browser.Get(page)
	for _, answer := range []url.Values{{"prompt": {"login"}, "login": {"user-1"}, "password": {"x"}}, {"prompt": {"consent"}}} {
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got status %s, want 200", resp.Request.URL.Path, resp.Status)
		}
		resp, err = browser.PostForm(resp.Request.URL.String(), answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatal(errors.Join(err, errors.New("the login did not redirect to the client")))
	}
	g := post(t, i.tokenURL, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "code_verifier": {verifier},
		"redirect_uri": {flow.RedirectURL}, "resource": {i.audience},
	}, nil)
	if g.IDToken == "" {
		t.Fatal("got no ID token, want an ID token")
	}
	return g
}

// testBoundToken requests tokens that are bound to a key (RFC 9449). oidc-provider checks the
// proofs of package dpop. A verifier without a binding must refuse the tokens.
func testBoundToken(t *testing.T, server *oidcProvider) {
	t.Helper()
	i := server.issuer("ES256")
	v, _ := i.verifier(t)
	for _, row := range []struct{ key, alg string }{{"ES256", ""}, {"EdDSA", ""}, {"EdDSA", "Ed25519"}, {"RS256", "RS256"}, {"RS256", "PS256"}} {
		signer, err := dpop.NewSigner(bearertest.NewKey(row.key, "").Signer(), row.alg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(t.Context(), mintBound(t, i, signer))
		if reasonOf(t, err) != bearer.WrongBinding || !strings.Contains(err.Error(), "jkt") {
			t.Errorf("%s: got %v, want reason %q and the member jkt", signer.Algorithm(), err, bearer.WrongBinding)
		}
	}
}
