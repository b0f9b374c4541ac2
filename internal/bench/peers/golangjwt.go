package peers

import (
	"context"
	"net/http"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/cache"
	"k8s.io/apiserver/pkg/authentication/user"
)

// parser returns a parser of golang-jwt with the key cache of keyfunc. It is set up as the
// READMEs of golang-jwt and keyfunc show.
func parser(ctx context.Context, s Setup) (func(token string) (*jwt.Token, error), error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{s.KeysURL})
	if err != nil {
		return nil, err
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{s.Alg}), jwt.WithIssuer(s.Issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	}
	if s.Audience != "" {
		options = append(options, jwt.WithAudience(s.Audience))
	}
	if s.Options {
		options = append(options, jwt.WithStrictDecoding(), jwt.WithLeeway(skew))
		keys, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: keys.Storage(), UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
		if err != nil {
			return nil, err
		}
	}
	p := jwt.NewParser(options...)
	return func(token string) (*jwt.Token, error) { return p.Parse(token, keys.Keyfunc) }, nil
}

// skew is the tolerance for clocks that differ, if Setup.Options is true.
const skew = 30 * time.Second

const golangJWTOptions = "`WithStrictDecoding`, `WithLeeway(30 s)`, and `UseWhitelist` of keyfunc"

var golangJWT = Peer{
	Name: "golang-jwt + keyfunc", Module: "github.com/golang-jwt/jwt/v5", CanSkipAudience: true, Options: golangJWTOptions,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		parse, err := parser(ctx, s)
		if err != nil {
			return nil, err
		}
		return shortMiddleware(func(_ context.Context, token string) (any, error) { return parse(token) }), nil
	},
}

var echoJWT = Peer{
	Name: "echo-jwt + keyfunc", Module: "github.com/labstack/echo-jwt/v4", CanSkipAudience: true, ReadsRequests: true, Options: golangJWTOptions,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		parse, err := parser(ctx, s)
		if err != nil {
			return nil, err
		}
		guard := echojwt.WithConfig(echojwt.Config{ParseTokenFunc: func(_ echo.Context, token string) (any, error) { return parse(token) }})
		return func(next http.Handler) http.Handler {
			e := echo.New()
			e.POST("/deployments", func(c echo.Context) error { next.ServeHTTP(c.Response(), c.Request()); return nil }, guard)
			return e
		}, nil
	},
}

// kubernetes is the token cache of the Kubernetes API server. Its verifier is golang-jwt with
// keyfunc. It caches the verdict on a valid token for 10 s, as the API server does.
var kubernetes = Peer{
	Name: "Kubernetes' token cache", Module: "k8s.io/apiserver", Caches: true, ReadsRequests: true,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		parse, err := parser(ctx, s)
		if err != nil {
			return nil, err
		}
		cached := cache.New(authenticator.TokenFunc(func(_ context.Context, token string) (*authenticator.Response, bool, error) {
			t, err := parse(token)
			if err != nil {
				return nil, false, err
			}
			subject, err := t.Claims.GetSubject()
			return &authenticator.Response{User: &user.DefaultInfo{Name: subject}}, err == nil, err
		}), false, 10*time.Second, 0)
		guard := bearertoken.New(cached)
		type key struct{}
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				authorization := r.Header["Authorization"]
				response, ok, err := guard.AuthenticateRequest(r)
				r.Header["Authorization"] = authorization // AuthenticateRequest removes the field, but the next call needs it again
				if err != nil || !ok {
					http.Error(w, "unauthorized", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, response)))
			})
		}, nil
	},
}

var grpcMiddleware = Peer{
	Name: "go-grpc-middleware + golang-jwt + keyfunc", Module: "github.com/grpc-ecosystem/go-grpc-middleware/v2",
	grpc: func(ctx context.Context, s Setup) (Endpoint, error) {
		parse, err := parser(ctx, s)
		if err != nil {
			return nil, err
		}
		type key struct{}
		return grpcEndpoint(auth.UnaryServerInterceptor(func(ctx context.Context) (context.Context, error) {
			token, err := auth.AuthFromMD(ctx, "bearer")
			if err != nil {
				return nil, err
			}
			claims, err := parse(token)
			if err != nil {
				return nil, status.Error(codes.Unauthenticated, "unauthenticated")
			}
			return context.WithValue(ctx, key{}, claims), nil
		})), nil
	},
}
