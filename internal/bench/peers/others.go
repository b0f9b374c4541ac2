package peers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
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
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

var goOIDC = Peer{
	Name: "go-oidc", Module: "github.com/coreos/go-oidc/v3", CanSkipAudience: true,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		v := oidc.NewVerifier(s.Issuer, oidc.NewRemoteKeySet(ctx, s.KeysURL), &oidc.Config{
			ClientID: s.Audience, SkipClientIDCheck: s.Audience == "", SupportedSigningAlgs: []string{s.Alg},
		})
		return shortMiddleware(func(ctx context.Context, token string) (any, error) { return v.Verify(ctx, token) }), nil
	},
}

var jwxPeer = Peer{
	Name: "jwx", Module: "github.com/lestrrat-go/jwx/v3", CanSkipAudience: true, ReadsRequests: true,
	Options: "`WithAcceptableSkew(30 s)`, `WithPedantic`, `WithNumericDateParsePedantic`, and `jws.Verify` with `WithCritValidation`",
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		c, err := jwk.NewCache(ctx, httprc.NewClient())
		if err != nil {
			return nil, err
		}
		ready, cancel := context.WithTimeout(ctx, 5*time.Second) // Register waits until it has a key set
		defer cancel()
		if err := c.Register(ready, s.KeysURL); err != nil {
			return nil, err
		}
		set, err := c.CachedSet(s.KeysURL)
		if err != nil {
			return nil, err
		}
		jwt.Settings(jwt.WithNumericDateParsePedantic(s.Options)) // for the whole process
		options := func() []jwt.ParseOption {                     // each request makes the options again, as in jwx's examples
			list := []jwt.ParseOption{jwt.WithKeySet(set), jwt.WithIssuer(s.Issuer), jwt.WithRequiredClaim(jwt.ExpirationKey)}
			if s.Audience != "" {
				list = append(list, jwt.WithAudience(s.Audience))
			}
			if s.Options {
				list = append(list, jwt.WithAcceptableSkew(skew), jwt.WithPedantic(true))
			}
			return list
		}
		return func(next http.Handler) http.Handler {
			type key struct{}
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				token, err := jwt.ParseRequest(r, options()...)
				if err == nil && s.Options { // jwt.Parse has no option for crit
					authorization := r.Header.Get("Authorization")
					text := authorization[strings.LastIndexByte(authorization, ' ')+1:]
					_, err = jws.Verify([]byte(text), jws.WithKeySet(set), jws.WithCritValidation(true))
				}
				if err != nil {
					http.Error(w, "unauthorized", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, token)))
			})
		}, nil
	},
}

var capPeer = Peer{
	Name: "hashicorp/cap", Module: "github.com/hashicorp/cap", CanSkipAudience: true,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		keys, err := capjwt.NewJSONWebKeySet(ctx, s.KeysURL, "")
		if err != nil {
			return nil, err
		}
		v, err := capjwt.NewValidator(keys)
		if err != nil {
			return nil, err
		}
		expected := capjwt.Expected{Issuer: s.Issuer, SigningAlgorithms: []capjwt.Alg{capjwt.Alg(s.Alg)}}
		if s.Audience != "" {
			expected.Audiences = []string{s.Audience}
		}
		return shortMiddleware(func(ctx context.Context, token string) (any, error) { return v.Validate(ctx, token, expected) }), nil
	},
}

var auth0v2 = Peer{
	Name: "auth0/go-jwt-middleware v2", Module: "github.com/auth0/go-jwt-middleware/v2", ReadsRequests: true,
	Options: "`WithAllowedClockSkew(30 s)`, and `WithCustomClaims` with a type that requires exp",
	Middleware: func(_ context.Context, s Setup) (Middleware, error) {
		issuer, keys, err := urls(s)
		if err != nil {
			return nil, err
		}
		provider := auth0v2jwks.NewCachingProvider(issuer, 5*time.Minute, auth0v2jwks.WithCustomJWKSURI(keys))
		var options []auth0v2validator.Option
		if s.Options {
			options = append(options, auth0v2validator.WithAllowedClockSkew(skew),
				auth0v2validator.WithCustomClaims(func() auth0v2validator.CustomClaims { return new(withExpiry) }))
		}
		v, err := auth0v2validator.New(provider.KeyFunc, auth0v2validator.SignatureAlgorithm(s.Alg), s.Issuer, []string{s.Audience}, options...)
		if err != nil {
			return nil, err
		}
		return auth0v2middleware.New(v.ValidateToken).CheckJWT, nil
	},
}

var auth0v3 = Peer{
	Name: "auth0/go-jwt-middleware v3", Module: "github.com/auth0/go-jwt-middleware/v3", ReadsRequests: true,
	Options: "`WithAllowedClockSkew(30 s)`, and `WithRegisteredClaimsValidator` with a function that requires exp",
	Middleware: func(_ context.Context, s Setup) (Middleware, error) {
		issuer, keys, err := urls(s)
		if err != nil {
			return nil, err
		}
		provider, err := auth0v3jwks.NewCachingProvider(auth0v3jwks.WithIssuerURL(issuer), auth0v3jwks.WithCustomJWKSURI(keys))
		if err != nil {
			return nil, err
		}
		options := []auth0v3validator.Option{
			auth0v3validator.WithKeyFunc(provider.KeyFunc), auth0v3validator.WithAlgorithm(auth0v3validator.SignatureAlgorithm(s.Alg)),
			auth0v3validator.WithIssuer(s.Issuer), auth0v3validator.WithAudience(s.Audience),
		}
		if s.Options {
			options = append(options, auth0v3validator.WithAllowedClockSkew(skew), auth0v3validator.WithRegisteredClaimsValidator(requireExpiry))
		}
		v, err := auth0v3validator.New(options...)
		if err != nil {
			return nil, err
		}
		m, err := auth0v3middleware.New(auth0v3middleware.WithValidator(v))
		if err != nil {
			return nil, err
		}
		return m.CheckJWT, nil
	},
}

// withExpiry is a type for WithCustomClaims. It requires exp.
type withExpiry struct {
	Expiry float64 `json:"exp"`
}

// Validate implements [auth0v2validator.CustomClaims].
func (c *withExpiry) Validate(context.Context) error {
	if c.Expiry == 0 {
		return errors.New("expiry is required")
	}
	return nil
}

// requireExpiry is the function of the documentation of WithRegisteredClaimsValidator.
func requireExpiry(claims auth0v3validator.RegisteredClaims) error {
	if claims.Expiry == 0 {
		return errors.New("expiry is required")
	}
	return nil
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
	Name: "go-chi/jwtauth (one key)", Module: "github.com/go-chi/jwtauth/v5", CanSkipAudience: true, OneKey: true, ReadsRequests: true,
	Options: "`WithRequiredClaim` for exp, `WithAcceptableSkew(30 s)`, and `Verify` with only `TokenFromHeader`",
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		set, err := jwkv2.Fetch(ctx, s.KeysURL)
		if err != nil {
			return nil, err
		}
		published, _ := set.Key(0)
		var key any // its type is a type of the standard library, as in the tests of jwtauth
		if err := published.Raw(&key); err != nil {
			return nil, err
		}
		options := []jwtv2.ValidateOption{jwtv2.WithIssuer(s.Issuer)}
		if s.Audience != "" {
			options = append(options, jwtv2.WithAudience(s.Audience))
		}
		if s.Options {
			options = append(options, jwtv2.WithRequiredClaim(jwtv2.ExpirationKey), jwtv2.WithAcceptableSkew(skew))
		}
		ja := jwtauth.New(s.Alg, nil, key, options...)
		find := jwtauth.Verifier(ja)
		if s.Options {
			find = jwtauth.Verify(ja, jwtauth.TokenFromHeader)
		}
		return func(next http.Handler) http.Handler { return find(jwtauth.Authenticator(ja)(next)) }, nil
	},
}
