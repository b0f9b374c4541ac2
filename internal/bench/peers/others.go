package peers

import (
	"context"
	"net/http"
	"net/url"
	"time"

	auth0v2middleware "github.com/auth0/go-jwt-middleware/v2"
	auth0v2jwks "github.com/auth0/go-jwt-middleware/v2/jwks"
	auth0v2validator "github.com/auth0/go-jwt-middleware/v2/validator"
	auth0v3middleware "github.com/auth0/go-jwt-middleware/v3"
	auth0v3jwks "github.com/auth0/go-jwt-middleware/v3/jwks"
	auth0v3validator "github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-chi/jwtauth/v5"
	capjwt "github.com/hashicorp/cap/jwt"
	"github.com/lestrrat-go/httprc/v3"
	jwkv2 "github.com/lestrrat-go/jwx/v2/jwk"
	jwtv2 "github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

var goOIDC = Peer{
	Name: "go-oidc", Module: "github.com/coreos/go-oidc/v3",
	Open: func(ctx context.Context, s Setup) (Endpoint, error) {
		v := oidc.NewVerifier(s.Issuer, oidc.NewRemoteKeySet(ctx, s.KeysURL), &oidc.Config{ClientID: s.Audience, SupportedSigningAlgs: []string{s.Alg}})
		return shortMiddleware(func(ctx context.Context, token string) (any, error) { return v.Verify(ctx, token) }), nil
	},
}

var jwxPeer = Peer{
	Name: "jwx", Module: "github.com/lestrrat-go/jwx/v3",
	Open: func(ctx context.Context, s Setup) (Endpoint, error) {
		c, err := jwk.NewCache(ctx, httprc.NewClient())
		if err != nil {
			return nil, err
		}
		if err := c.Register(ctx, s.KeysURL); err != nil {
			return nil, err
		}
		set, err := c.CachedSet(s.KeysURL)
		if err != nil {
			return nil, err
		}
		return httpEndpoint(func(next http.Handler) http.Handler {
			type key struct{}
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				token, err := jwt.ParseRequest(r, jwt.WithKeySet(set), jwt.WithIssuer(s.Issuer), jwt.WithAudience(s.Audience), jwt.WithRequiredClaim(jwt.ExpirationKey))
				if err != nil {
					http.Error(w, "unauthorized", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, token)))
			})
		}), nil
	},
}

var capPeer = Peer{
	Name: "hashicorp/cap", Module: "github.com/hashicorp/cap",
	Open: func(ctx context.Context, s Setup) (Endpoint, error) {
		keys, err := capjwt.NewJSONWebKeySet(ctx, s.KeysURL, "")
		if err != nil {
			return nil, err
		}
		v, err := capjwt.NewValidator(keys)
		if err != nil {
			return nil, err
		}
		expected := capjwt.Expected{Issuer: s.Issuer, Audiences: []string{s.Audience}, SigningAlgorithms: []capjwt.Alg{capjwt.Alg(s.Alg)}}
		return shortMiddleware(func(ctx context.Context, token string) (any, error) { return v.Validate(ctx, token, expected) }), nil
	},
}

var auth0v2 = Peer{
	Name: "auth0/go-jwt-middleware v2", Module: "github.com/auth0/go-jwt-middleware/v2",
	Open: func(_ context.Context, s Setup) (Endpoint, error) {
		issuer, keys, err := urls(s)
		if err != nil {
			return nil, err
		}
		provider := auth0v2jwks.NewCachingProvider(issuer, 5*time.Minute, auth0v2jwks.WithCustomJWKSURI(keys))
		v, err := auth0v2validator.New(provider.KeyFunc, auth0v2validator.SignatureAlgorithm(s.Alg), s.Issuer, []string{s.Audience})
		if err != nil {
			return nil, err
		}
		return httpEndpoint(auth0v2middleware.New(v.ValidateToken).CheckJWT), nil
	},
}

var auth0v3 = Peer{
	Name: "auth0/go-jwt-middleware v3", Module: "github.com/auth0/go-jwt-middleware/v3",
	Open: func(_ context.Context, s Setup) (Endpoint, error) {
		issuer, keys, err := urls(s)
		if err != nil {
			return nil, err
		}
		provider, err := auth0v3jwks.NewCachingProvider(auth0v3jwks.WithIssuerURL(issuer), auth0v3jwks.WithCustomJWKSURI(keys))
		if err != nil {
			return nil, err
		}
		v, err := auth0v3validator.New(
			auth0v3validator.WithKeyFunc(provider.KeyFunc), auth0v3validator.WithAlgorithm(auth0v3validator.SignatureAlgorithm(s.Alg)),
			auth0v3validator.WithIssuer(s.Issuer), auth0v3validator.WithAudience(s.Audience),
		)
		if err != nil {
			return nil, err
		}
		m, err := auth0v3middleware.New(auth0v3middleware.WithValidator(v))
		if err != nil {
			return nil, err
		}
		return httpEndpoint(m.CheckJWT), nil
	},
}

func urls(s Setup) (issuer, keys *url.URL, err error) {
	if issuer, err = url.Parse(s.Issuer); err != nil {
		return nil, nil, err
	}
	keys, err = url.Parse(s.KeysURL)
	return issuer, keys, err
}

// jwtauthPeer is go-chi/jwtauth. It has no key set. Its setup passes a single key to it.
var jwtauthPeer = Peer{
	Name: "go-chi/jwtauth (one key)", Module: "github.com/go-chi/jwtauth/v5", OneKey: true,
	Open: func(ctx context.Context, s Setup) (Endpoint, error) {
		set, err := jwkv2.Fetch(ctx, s.KeysURL)
		if err != nil {
			return nil, err
		}
		published, _ := set.Key(0)
		var key any // its type is a type of the standard library, as in the tests of jwtauth
		if err := published.Raw(&key); err != nil {
			return nil, err
		}
		ja := jwtauth.New(s.Alg, nil, key, jwtv2.WithIssuer(s.Issuer), jwtv2.WithAudience(s.Audience))
		return httpEndpoint(func(next http.Handler) http.Handler {
			return jwtauth.Verifier(ja)(jwtauth.Authenticator(ja)(next))
		}), nil
	},
}
