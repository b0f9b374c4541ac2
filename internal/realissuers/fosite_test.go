package realissuers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

// TestFosite uses the token endpoint of ory/fosite with the claims of Ory Hydra. It tests
// each form of the scope claim.
func TestFosite(t *testing.T) {
	for _, row := range []struct {
		name, alg string
		field     jwt.JWTScopeFieldEnum
	}{
		{"scopes in a list, RS256", "RS256", jwt.JWTScopeFieldList},
		{"scopes in a string, ES256", "ES256", jwt.JWTScopeFieldString},
		{"scopes in a list and in a string, PS256", "PS256", jwt.JWTScopeFieldBoth},
		{"scopes in a list, EdDSA", "EdDSA", jwt.JWTScopeFieldList},
	} {
		t.Run(row.name, func(t *testing.T) { testLifecycle(t, newFosite(t, row.alg, row.field, audience)) })
	}
	t.Run("token without an audience", func(t *testing.T) {
		// "aud" is [], so the client identifier is compared with Config.Audience.
		i := newFosite(t, "ES256", jwt.JWTScopeFieldList, "")
		i.audience = clientID
		testLifecycle(t, i)
	})
}

// newFosite starts a token endpoint. Its tokens have the audience aud, or no audience if
// aud is "".
func newFosite(t *testing.T, alg string, field jwt.JWTScopeFieldEnum, aud string) *issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	f := &fositeServer{alg: alg, url: "http://" + server.Listener.Addr().String()}
	f.rotate()
	secret, err := bcrypt.GenerateFromPassword([]byte(clientSecret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	store := storage.NewMemoryStore()
	store.Clients[clientID] = &fosite.DefaultClient{
		ID: clientID, Secret: secret, GrantTypes: []string{"client_credentials"}, Scopes: []string{read, deploy}, Audience: []string{audience},
	}
	config := &fosite.Config{
		AccessTokenLifespan: 5 * time.Minute, AccessTokenIssuer: f.url, JWTScopeClaimKey: field, GlobalSecret: []byte("32 bytes that sign no access token"),
		ScopeStrategy: fosite.ExactScopeStrategy, AudienceMatchingStrategy: fosite.ExactAudienceMatchingStrategy,
	}
	f.provider = compose.Compose(config, store,
		compose.NewOAuth2JWTStrategy(f.signingKey, compose.NewOAuth2HMACStrategy(config), config),
		compose.OAuth2ClientCredentialsGrantFactory)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", f.serveToken)
	mux.HandleFunc("GET /.well-known/openid-configuration", f.serveMetadata)
	mux.HandleFunc("GET /.well-known/jwks.json", f.serveKeySet)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	i := &issuer{
		url: f.url, tokenURL: f.url + "/oauth2/token", alg: alg, audience: audience, profile: bearer.Hydra, form: url.Values{},
		rotate:   func(*testing.T) { f.rotate() },
		withdraw: func(*testing.T) { f.withdraw() },
	}
	if aud != "" {
		i.form.Set("audience", aud)
	}
	return i
}

// fositeServer adds keys, metadata and a session to fosite. Ory Hydra adds these parts to
// fosite too, so the tokens have the form of Hydra's tokens.
type fositeServer struct {
	alg, url string
	provider fosite.OAuth2Provider

	mu   sync.Mutex
	keys []jose.JSONWebKey // guarded by mu; the last key is the newest key and signs the tokens
}

func (f *fositeServer) rotate() {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := bearertest.NewKey(f.alg, fmt.Sprintf("key-%d", len(f.keys)+1))
	f.keys = append(f.keys, jose.JSONWebKey{KeyID: key.ID(), Algorithm: f.alg, Use: "sig", Key: key.Signer()})
}

func (f *fositeServer) withdraw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = slices.Clone(f.keys[len(f.keys)-1:])
}

func (f *fositeServer) signingKey(context.Context) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := f.keys[len(f.keys)-1]
	return &key, nil
}

// serveToken is the token endpoint. It follows the example in the documentation of fosite.
// Its tokens have the claims of Hydra's session: client_id and ext.
func (f *fositeServer) serveToken(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	session := &oauth2.JWTSession{JWTClaims: &jwt.JWTClaims{
		Subject: clientID, NotBefore: time.Now(), Extra: map[string]any{"client_id": clientID, "ext": map[string]any{}},
	}}
	request, err := f.provider.NewAccessRequest(ctx, r, session)
	if err != nil {
		f.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	for _, aud := range request.GetRequestedAudience() {
		request.GrantAudience(aud)
	}
	response, err := f.provider.NewAccessResponse(ctx, request)
	if err != nil {
		f.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	f.provider.WriteAccessResponse(ctx, w, request, response)
}

func (f *fositeServer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"issuer": f.url, "jwks_uri": f.url + "/.well-known/jwks.json", "token_endpoint": f.url + "/oauth2/token"})
}

func (f *fositeServer) serveKeySet(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range f.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	writeJSON(w, set)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
