package realissuers_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

// TestZitadel uses the provider of zitadel/oidc. One part of the test uses the claims of
// Zitadel, which contain roles and no scopes. The other part uses the claims of Scalekit.
func TestZitadel(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run("Zitadel "+alg, func(t *testing.T) {
			i := newZitadel(t, alg, func([]string) map[string]any {
				return map[string]any{"urn:zitadel:iam:org:project:roles": map[string]any{
					"deployer": map[string]string{"383942323576245195": "acme.example"},
				}}
			})
			i.profile, i.noScopes, i.roles = bearer.Zitadel, true, []string{"deployer"}
			testLifecycle(t, i)
		})
	}
	t.Run("Scalekit RS256", func(t *testing.T) {
		i := newZitadel(t, "RS256", func(granted []string) map[string]any {
			return map[string]any{
				"scopes": granted, "scope": oidc.SpaceDelimitedArray(granted), "oid": "org_59615193906282635",
				"custom_claims": map[string]any{"github_repository": "acme/deploy"},
			}
		})
		i.profile = bearer.Scalekit
		testLifecycle(t, i)
	})
}

// newZitadel starts a provider. The function private returns additional claims for a token
// with the granted scopes.
func newZitadel(t *testing.T, alg string, private func(granted []string) map[string]any) *issuer {
	t.Helper()
	storage := &zitadelStorage{alg: alg, private: private}
	storage.rotate()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}}, storage, op.StaticIssuer(url), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return &issuer{
		url: url, tokenURL: url + "/oauth/token", alg: alg, audience: audience,
		rotate:   func(*testing.T) { storage.rotate() },
		withdraw: func(*testing.T) { storage.withdraw() },
	}
}

// zitadelStorage implements the methods of op.Storage that the client credentials grant
// calls. The embedded interface is nil, so that any other call panics.
type zitadelStorage struct {
	op.Storage

	alg     string
	private func([]string) map[string]any

	mu   sync.Mutex
	keys []zitadelKey // guarded by mu; the last key is the newest key and signs the tokens
}

func (s *zitadelStorage) rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := bearertest.NewKey(s.alg, fmt.Sprintf("key-%d", len(s.keys)+1))
	s.keys = append(s.keys, zitadelKey{key.ID(), jose.SignatureAlgorithm(s.alg), key.Signer()})
}

func (s *zitadelStorage) withdraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.Clone(s.keys[len(s.keys)-1:])
}

func (s *zitadelStorage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signingKey{s.keys[len(s.keys)-1]}, nil
}

func (s *zitadelStorage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]op.Key, len(s.keys))
	for n, key := range s.keys {
		keys[n] = publicKey{key}
	}
	return keys, nil
}

func (s *zitadelStorage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.alg)}, nil
}

func (s *zitadelStorage) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if id != clientID || secret != clientSecret {
		return nil, errors.New("unknown client or wrong secret")
	}
	return zitadelClient{}, nil
}

func (s *zitadelStorage) ClientCredentialsTokenRequest(_ context.Context, id string, granted []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: oidc.Audience{audience, "328859038097867422"}, Scopes: granted}, nil
}

func (s *zitadelStorage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "at_1", time.Now().Add(5 * time.Minute), nil
}

func (s *zitadelStorage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, granted []string) (map[string]any, error) {
	return s.private(granted), nil
}

// zitadelClient implements the methods of op.Client that the client credentials grant
// calls. The embedded interface is nil, so that any other call panics.
type zitadelClient struct{ op.Client }

func (zitadelClient) GetID() string { return clientID }
func (zitadelClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (zitadelClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (zitadelClient) ClockSkew() time.Duration            { return 0 }
func (zitadelClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(granted []string) []string { return granted }
}

type zitadelKey struct {
	id     string
	alg    jose.SignatureAlgorithm
	signer crypto.Signer
}

type signingKey struct{ zitadelKey }

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }
func (k signingKey) Key() any                                    { return k.signer }

type publicKey struct{ zitadelKey }

func (k publicKey) ID() string                         { return k.id }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.alg }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.signer.Public() }
