package realissuers_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// These constants describe the client that is registered with each issuer, and the audience
// and the scopes of the tokens of this client.
const (
	clientID     = "deployer"
	clientSecret = "a secret of the tests"
	audience     = "https://deployments.example"
	read, deploy = "read:deployments", "deploy:applications"
)

// issuer is a running authorization server. It also describes the expected tokens.
type issuer struct {
	url, tokenURL string
	form          url.Values // additional parameters of a token request
	alg           string
	profile       bearer.Profile
	audience      string
	noScopes      bool // the tokens have no scopes
	roles         []string
	// rotate makes the server publish a new key and sign with this key. withdraw makes the
	// server remove the older keys from the published set.
	rotate, withdraw func(t *testing.T)
}

// grant is the response of a token endpoint.
type grant struct {
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	TokenType   string `json:"token_type"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// post sends a form and the credentials of the client to a token endpoint.
func post(t *testing.T, endpoint string, form url.Values, header http.Header) grant {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		req.Header[name] = values
	}
	// The client id and the secret must be form-encoded (RFC 6749, section 2.3.1).
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var g grant
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&g); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || g.AccessToken == "" {
		t.Fatalf("token endpoint: got status %s, error %q and description %q", resp.Status, g.Error, g.Description)
	}
	return g
}

// mint requests a token with the client credentials grant, and returns the token.
func (i *issuer) mint(t *testing.T, scope ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scope, " ")}}
	for name, values := range i.form {
		form[name] = values
	}
	return post(t, i.tokenURL, form, nil).AccessToken
}

// verifier returns a verifier and the key cache of this verifier. The key cache finds the
// keys by discovery.
func (i *issuer) verifier(t *testing.T) (*bearer.JWTVerifier, *jwks.Cache) {
	t.Helper()
	cache, err := jwks.Discover(i.url, &jwks.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
	})
	v, err := bearer.New(i.config(cache))
	if err != nil {
		t.Fatal(err)
	}
	return v, cache
}

func (i *issuer) config(keys bearer.KeySet) bearer.Config {
	return bearer.Config{Issuer: i.url, Audience: []string{i.audience}, Keys: keys, Profile: i.profile}
}

// reasonOf returns the reason of an error, or "" if err is nil.
func reasonOf(t *testing.T, err error) bearer.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		t.Fatalf("got an error of type %T, want *bearer.Error: %v", err, err)
	}
	return e.Reason
}

// testLifecycle runs the tests that the tokens of every issuer must pass.
func testLifecycle(t *testing.T, i *issuer) {
	t.Helper()
	t.Run("accepted", func(t *testing.T) { testAccepted(t, i) })
	t.Run("forged", func(t *testing.T) { testForged(t, i) })
	t.Run("expiry", func(t *testing.T) { testExpiry(t, i) })
	t.Run("rotation", func(t *testing.T) { testRotation(t, i) })
	t.Run("removal", func(t *testing.T) { testRemoval(t, i) })
}

// testAccepted requires that a token is accepted and has exactly the granted scopes. The
// token must be refused if a rule requires a different scope, or if the verifier has a
// different audience.
func testAccepted(t *testing.T, i *issuer) {
	t.Helper()
	v, _ := i.verifier(t)
	for _, granted := range [][]string{{read}, {read, deploy}} {
		claims, err := v.Verify(t.Context(), i.mint(t, granted...))
		if err != nil {
			t.Fatal(err)
		}
		want := granted
		if i.noScopes {
			want = nil
		}
		if got := slices.Collect(claims.Scopes().All()); !slices.Equal(got, want) {
			t.Errorf("got scopes %q, want %q", got, want)
		}
		if got := claims.Roles(); !slices.Equal(got, i.roles) {
			t.Errorf("got roles %q, want %q", got, i.roles)
		}
		if claims.ClientID() != clientID || claims.Issuer() != i.url || !slices.Contains(claims.Audience(), i.audience) && len(claims.Audience()) > 0 {
			t.Errorf("got client %q, issuer %q, audience %q, want client %q, issuer %q, audience %q", claims.ClientID(), claims.Issuer(), claims.Audience(), clientID, i.url, i.audience)
		}
	}
	_, err := bearer.Decide(t.Context(), v, bearer.Request{
		Authorization: []string{"Bearer " + i.mint(t, read)}, Rule: scopes.All(deploy),
	})
	if e, ok := errors.AsType[*bearer.Error](err); !ok || e.Reason != bearer.MissingScope || !slices.Equal(e.Missing, []string{deploy}) {
		t.Errorf("rule that requires a scope that was not granted: got %v, want reason %q for scope %s", err, bearer.MissingScope, deploy)
	}
	_, keys := i.verifier(t)
	cfg := i.config(keys)
	cfg.Audience = []string{"https://another.example"}
	other, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(t.Context(), i.mint(t, read)); reasonOf(t, err) != bearer.WrongAudience {
		t.Errorf("verifier with a different audience: got %v, want reason %q", err, bearer.WrongAudience)
	}
}

// parts returns the header and the claims of a token.
func parts(t *testing.T, token string) (header, claims []byte) {
	t.Helper()
	encoded := strings.Split(token, ".")
	if len(encoded) != 3 {
		t.Fatalf("got a token of %d parts, want 3", len(encoded))
	}
	for n, to := range []*[]byte{&header, &claims} {
		var err error
		if *to, err = base64.RawURLEncoding.DecodeString(encoded[n]); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// testForged signs the header and the claims of a genuine token with the key of an attacker.
// This key has the kid of the genuine key. The forged token must be refused.
func testForged(t *testing.T, i *issuer) {
	t.Helper()
	v, _ := i.verifier(t)
	header, claims := parts(t, i.mint(t, read))
	var named struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	if err := json.Unmarshal(header, &named); err != nil {
		t.Fatal(err)
	}
	if named.Alg != i.alg || named.Kid == "" {
		t.Errorf("got header %s, want alg %s and a kid", header, i.alg)
	}
	token := bearertest.NewKey(named.Alg, named.Kid).Sign(header, claims)
	if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.BadSignature {
		t.Errorf("signature with the key of an attacker: got %v, want reason %q", err, bearer.BadSignature)
	}
}

// testExpiry verifies a token before, during and after the lifetime of the token. The issuer
// uses the real time. The verifier uses the fake time of synctest.
func testExpiry(t *testing.T, i *issuer) {
	t.Helper()
	v, cache := i.verifier(t)
	token := i.mint(t, read)
	claims, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Parse(fetchKeySet(t, cache.Status().URL))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		v, err := bearer.New(i.config(keys))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			name string
			at   time.Time
			want bearer.Reason
		}{
			{"1 h before iat", claims.IssuedAt().Add(-time.Hour), bearer.NotYetValid},
			{"at iat", claims.IssuedAt(), ""},
			{"1 ns before exp", claims.ExpiresAt().Add(-time.Nanosecond), ""},
			{"at exp", claims.ExpiresAt(), bearer.Expired},
		} {
			time.Sleep(time.Until(row.at))
			if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != row.want {
				t.Errorf("%s: got %v, want reason %q", row.name, err, row.want)
			}
		}
	})
}

// fetchKeySet fetches the key set of an issuer.
func fetchKeySet(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testRotation requires that a token that is signed with a new key is accepted immediately.
// A token that is signed with a withdrawn key must be refused after the next fetch of the
// key set.
func testRotation(t *testing.T, i *issuer) {
	t.Helper()
	v, cache := i.verifier(t)
	verify := func(token string) bearer.Reason {
		_, err := v.Verify(t.Context(), token)
		return reasonOf(t, err)
	}
	oldToken := i.mint(t, read)
	if got := verify(oldToken); got != "" {
		t.Fatalf("token before the rotation: got reason %q, want none", got)
	}
	i.rotate(t)
	newToken := i.mint(t, read)
	if got := verify(newToken); got != "" {
		t.Errorf("token signed with the new key: got reason %q, want none", got)
	}
	if got := verify(oldToken); got != "" {
		t.Errorf("token signed with the old key, which is still published: got reason %q, want none", got)
	}
	if v.Status()[0].Cache.Hits == 0 {
		t.Error("got no cache hit for the old token, want a hit, because the test needs a cached verdict")
	}
	i.withdraw(t)
	if err := cache.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := verify(oldToken); got != bearer.UnknownKey {
		t.Errorf("token signed with the withdrawn key: got reason %q, want %q", got, bearer.UnknownKey)
	}
	if got := verify(newToken); got != "" {
		t.Errorf("token signed with the key that is still published: got reason %q, want none", got)
	}
}

// testRemoval removes the issuer from a bearer.Issuers whose cache has the verdict on a
// token. After the removal, the token must be refused.
func testRemoval(t *testing.T, i *issuer) {
	t.Helper()
	_, cache := i.verifier(t)
	var issuers bearer.Issuers
	defer issuers.Close()
	if err := issuers.Add(i.config(cache)); err != nil {
		t.Fatal(err)
	}
	token := i.mint(t, read)
	for range 2 {
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if issuers.Status()[0].Cache.Hits == 0 {
		t.Error("got no cache hit, want a hit, because the test needs a cached verdict")
	}
	if !issuers.Remove(i.url) {
		t.Fatal("Remove: got false, want true")
	}
	if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongIssuer {
		t.Errorf("after Remove: got %v, want reason %q", err, bearer.WrongIssuer)
	}
}
