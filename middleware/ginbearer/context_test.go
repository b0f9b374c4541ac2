package ginbearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestFromContext reads the claims from gin's context, with each way to guard a route, and with and
// without ContextWithFallback.
func TestFromContext(t *testing.T) {
	issuer, guard := routertest.NewGuard(t, nil)
	token := issuer.Token(map[string]any{"aud": routertest.Audience, "sub": "caller", "client_id": "ci", "scope": "x"})
	var table scopes.Table
	table.Handle("GET /x", scopes.Optional(scopes.All("x")))
	rule := scopes.Optional(scopes.All("x"))
	for way, declare := range map[string]func(*gin.Engine, gin.HandlerFunc){
		"Require": func(e *gin.Engine, h gin.HandlerFunc) { e.GET("/x", ginbearer.Require(guard, rule), h) },
		"Handle":  func(e *gin.Engine, h gin.HandlerFunc) { ginbearer.Handle(guard, e, "GET", "/x", rule, h) },
		"Enforce": func(e *gin.Engine, h gin.HandlerFunc) { e.Use(ginbearer.Enforce(guard, &table)); e.GET("/x", h) },
		"EnforceRoutes": func(e *gin.Engine, h gin.HandlerFunc) {
			ginbearer.EnforceRoutes(guard, e, scopes.Routes{"GET /x": rule})
			e.GET("/x", h)
		},
	} {
		for _, fallback := range []bool{false, true} {
			for authorization, want := range map[string]string{"Bearer " + token: "caller", "": "none"} {
				engine := gin.New()
				engine.ContextWithFallback = fallback
				var got []string
				declare(engine, func(c *gin.Context) {
					derived, cancel := context.WithCancel(c)
					defer cancel()
					for _, ctx := range []context.Context{c, derived, c.Copy(), c.Request.Context()} {
						got = append(got, subject(ctx))
					}
				})
				serveGet(engine, authorization)
				if len(got) != 4 || got[0] != want || got[1] != want || got[2] != want || got[3] != want {
					t.Errorf("%s, fallback %v, token %v: got the subjects %q of the contexts, want %q of each", way, fallback, authorization != "", got, want)
				}
			}
		}
	}
}

// TestFromContextOfSecondGuard has two guards for one route. The claims in gin's context are those
// of the last guard, even if this guard found no token.
func TestFromContextOfSecondGuard(t *testing.T) {
	issuer, guard := routertest.NewGuard(t, nil)
	token := issuer.Token(map[string]any{"aud": routertest.Audience, "sub": "caller", "client_id": "ci", "scope": "x"})
	optional := ginbearer.Require(guard, scopes.Optional(scopes.All("x")))
	remove := func(c *gin.Context) { c.Request.Header.Del("Authorization") }
	for _, row := range []struct {
		name  string
		chain []gin.HandlerFunc
		want  string
	}{
		{"same token", []gin.HandlerFunc{optional, optional}, "caller"},
		{"token removed in between", []gin.HandlerFunc{optional, remove, optional}, "none"},
		{"public route", []gin.HandlerFunc{optional, ginbearer.Require(guard, scopes.Public())}, "caller"},
		{"no guard", nil, "none"},
	} {
		engine := gin.New()
		got, inRequest := "no response", ""
		engine.GET("/x", append(row.chain, func(c *gin.Context) {
			got, inRequest = subject(c), subject(c.Request.Context())
			if key, ok := c.Get(ginbearer.Key); ok != (row.want != "none") {
				t.Errorf("%s: got the value %v for Key, want a value only for a token", row.name, key)
			}
		})...)
		serveGet(engine, "Bearer "+token)
		if got != row.want || inRequest != row.want {
			t.Errorf("%s: got the subject %q, and %q in the context of the request, want %q", row.name, got, inRequest, row.want)
		}
	}
}

// TestCustomInGin checks the other functions that read the context of a request.
func TestCustomInGin(t *testing.T) {
	verifier := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return new(bearer.Claims).WithCustom(42), nil
	})
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	var got string
	engine.GET("/x", ginbearer.Require(guard, scopes.All()), func(c *gin.Context) {
		custom, ok := bearer.Custom[int](c)
		got = fmt.Sprint(custom, ok)
	})
	serveGet(engine, "Bearer "+"a.b.c")
	if got != "42 true" {
		t.Errorf("Custom: got %q, want 42 and true", got)
	}
}

func subject(ctx context.Context) string {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return "none"
	}
	return claims.Subject()
}

func serveGet(engine *gin.Engine, authorization string) {
	r := httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	engine.ServeHTTP(httptest.NewRecorder(), r)
}
