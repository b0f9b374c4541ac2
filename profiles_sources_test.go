package bearer_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// documents serves JSON documents over TLS. The keys of the map are the paths. In a document,
// the text HOST stands for the address of the server.
func documents(t *testing.T, pages map[string]string) (host string, roots *x509.CertPool) {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(strings.ReplaceAll(page, "HOST", strings.TrimPrefix(server.URL, "https://"))))
	}))
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return strings.TrimPrefix(server.URL, "https://"), roots
}

// publishedSet returns a key set with the key. The members extra are added to the key, and removed if they are nil.
func publishedSet(t *testing.T, key *bearertest.Key, extra members) string {
	t.Helper()
	jwk := members{}
	if err := json.Unmarshal(key.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	for name, value := range extra {
		if jwk[name] = value; value == nil {
			delete(jwk, name)
		}
	}
	set, err := json.Marshal(members{"keys": []any{jwk}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}

// signed returns a token with the header and the claims.
func signed(t *testing.T, key *bearertest.Key, header, claims members) string {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return key.Sign(h, c)
}

// TestADFS fetches the keys with the metadata of AD FS, which names two issuers. The issuer of
// access tokens begins with http, but nothing is fetched from it.
func TestADFS(t *testing.T) {
	key := bearertest.NewKey("RS256", "qN8ENOO1h0LwxMiAZny00jNpI1o")
	host, roots := documents(t, map[string]string{
		"/adfs/.well-known/openid-configuration": `{"issuer":"https://HOST/adfs","access_token_issuer":"http://HOST/adfs/services/trust","jwks_uri":"https://HOST/adfs/discovery/keys"}`,
		"/adfs/discovery/keys":                   publishedSet(t, key, members{"x5t": "qN8ENOO1h0LwxMiAZny00jNpI1o"}),
	})
	cfg := bearer.Config{
		Issuer: "http://" + host + "/adfs/services/trust", Audience: []string{"microsoft:identityserver:deployments"}, Profile: bearer.ADFS,
		KeyOptions: &jwks.Options{MetadataURL: "https://" + host + "/adfs/.well-known/openid-configuration", MetadataIssuer: "https://" + host + "/adfs", RootCAs: roots},
	}
	v, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	header := members{"alg": "RS256", "typ": "JWT", "kid": "qN8ENOO1h0LwxMiAZny00jNpI1o", "x5t": "qN8ENOO1h0LwxMiAZny00jNpI1o"}
	claims := members{
		"iss": cfg.Issuer, "aud": cfg.Audience[0], "appid": "app", "apptype": "Confidential", "ver": "1.0", "iat": time.Now().Unix(), "exp": time.Now().Add(600 * time.Second).Unix(),
		"group": []string{"deployers", "developers"}, "scp": "deploy read", "auth_time": "2019-06-05T20:30:17.507Z",
	}
	got, err := v.Verify(t.Context(), signed(t, key, header, claims))
	if err != nil {
		t.Fatal(err)
	}
	if got.ClientID() != "app" || !slices.Equal(got.Roles(), []string{"deployers", "developers"}) || got.Scopes().String() != "deploy read" || got.Subject() != "" {
		t.Errorf("got client %q, roles %q, scopes %q and subject %q", got.ClientID(), got.Roles(), got.Scopes(), got.Subject())
	}
	claims["iss"] = "https://" + host + "/adfs"
	if _, err := v.Verify(t.Context(), signed(t, key, header, claims)); !errors.Is(err, bearer.WrongIssuer) || !strings.Contains(err.Error(), "ID tokens") {
		t.Errorf("ID token: got error %v, want reason %q and a text about ID tokens", err, bearer.WrongIssuer)
	}
	cfg.Issuer = "https://" + host + "/adfs"
	if _, err := bearer.New(cfg); err == nil || !strings.Contains(err.Error(), "access_token_issuer") {
		t.Errorf("issuer of the ID tokens: got error %v, want one that names access_token_issuer", err)
	}
}

// TestOracleIDCS has two domains of different customers. Their tokens have the same issuer and
// the same kid.
func TestOracleIDCS(t *testing.T) {
	const issuer, own, other = "https://identity.oraclecloud.com/", "idcs-0123456789abcdef0123456789abcdef", "idcs-ffffffffffffffffffffffffffffffff"
	ownKey, otherKey := bearertest.NewKey("RS256", "SIGNING_KEY"), bearertest.NewKey("RS256", "SIGNING_KEY")
	published := func(key *bearertest.Key) string {
		return publishedSet(t, key, members{"use": nil, "key_ops": []string{"encrypt", "verify"}, "x5t": "x"})
	}
	host, roots := documents(t, map[string]string{"/own/jwk": published(ownKey), "/other/jwk": published(otherKey)})
	config := func(path string, tenants ...string) bearer.Config {
		return bearer.Config{
			Issuer: issuer, Audience: []string{"https://deployments.example/"}, Profile: bearer.OracleIDCS, Tenants: tenants,
			KeyOptions: &jwks.Options{KeysURL: "https://" + host + path, RootCAs: roots},
		}
	}
	token := func(key *bearertest.Key, tenant string) string {
		return signed(t, key, members{"alg": "RS256", "kid": "SIGNING_KEY"}, members{
			"iss": issuer, "aud": "https://deployments.example/", "tok_type": "AT", "tenant": tenant, "client_tenantname": own,
			"sub": "c", "client_id": "c", "jti": "j", "scope": "read", "iat": time.Now().Unix(), "exp": time.Now().Add(600 * time.Second).Unix(),
		})
	}
	for _, row := range []struct {
		name  string
		cfg   bearer.Config
		token string
		want  bearer.Reason
	}{
		{"own domain", config("/own/jwk", "tenant="+own), token(ownKey, own), ""},
		{"key of the other domain", config("/own/jwk", "tenant="+own), token(otherKey, own), bearer.BadSignature},
		{"other domain", config("/own/jwk", "tenant="+own), token(otherKey, other), bearer.InvalidClaims},
		{"keys of the wrong domain are configured", config("/other/jwk", "tenant="+own), token(otherKey, other), bearer.InvalidClaims},
		{"both domains", config("/other/jwk", "tenant="+own, "tenant="+other), token(otherKey, other), ""},
	} {
		v, err := bearer.New(row.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), row.token); reasonOf(t, err) != row.want {
			t.Errorf("%s: got error %v, want reason %q", row.name, err, row.want)
		}
		_ = v.Close()
	}
	for _, profile := range []bearer.Profile{bearer.OracleIDCS, {}} {
		cfg := config("/own/jwk")
		cfg.Profile = profile
		if _, err := bearer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.Tenants") {
			t.Errorf("profile %q without Tenants: got error %v, want one that names Config.Tenants", profile.Name, err)
		}
	}
}

// TestHintNamesPlainJWT tests the hints for tokens with the claims of RFC 9068 and the typ JWT.
func TestHintNamesPlainJWT(t *testing.T) {
	for _, f := range fixtures(t) {
		want, ok := map[string]bool{"lemonldap-jwt-access-token": true, "lemonldap-id-token": false, "oracle-identity-domain-id-token": false, "adfs-user-groups-and-scopes": false, "kinde-m2m-org": false}[f.Name]
		if !ok {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			v, err := bearer.New(bearer.Config{Issuer: f.Claims["iss"].(string), Audience: f.Audience, InsecureAnyTenant: true, Keys: keys}) //nolint:errcheck // every fixture has an "iss"
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), token); err == nil || strings.Contains(err.Error(), "Plain JWT") != want {
				t.Errorf("%s: got error %v, want a refusal that names Plain JWT: %v", f.Name, err, want)
			}
		})
	}
}
