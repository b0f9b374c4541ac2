package conformance_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// A stepClient is a client that replaces its scopes by those of a challenge, as clients of the
// Model Context Protocol do.
type stepClient struct {
	issuer *bearertest.Issuer
	grpc   *interceptor.Guard
	http   http.Handler
}

var scopeParameter = regexp.MustCompile(`error="insufficient_scope".*, scope="([^"]*)"$`)

// call makes the same call over HTTP and over gRPC with a token that grants these scopes. It
// returns the scopes of the challenge and the missing scopes of the ErrorInfo.
func (c *stepClient) call(t *testing.T, method, granted string) (allowed bool, required, missing string) {
	t.Helper()
	authorization := "Bearer " + c.issuer.Token(map[string]any{"aud": testkit.Audience, "scope": granted})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, method, http.NoBody)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	c.http.ServeHTTP(w, r)
	challenges := w.Header().Values("WWW-Authenticate")

	sent := &transport{method: method}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", authorization))
	ctx = grpc.NewContextWithServerTransportStream(ctx, sent)
	_, err := c.grpc.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return "", nil })
	if over := sent.header.Get("www-authenticate"); !slices.Equal(over, challenges) {
		t.Fatalf("%s: got the challenges %q over gRPC and %q over HTTP, want equal ones", method, over, challenges)
	}
	if err == nil && w.Code == http.StatusOK {
		return true, "", ""
	}
	if status.Code(err) != codes.PermissionDenied || w.Code != http.StatusForbidden || len(challenges) != 1 {
		t.Fatalf("%s: got status %d, %v and %q, want a missing scope in both protocols", method, w.Code, err, challenges)
	}
	match := scopeParameter.FindStringSubmatch(challenges[0])
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			required, missing = info.GetMetadata()["scope"], info.GetMetadata()["missing_scope"]
		}
	}
	if match == nil || match[1] != required || !strings.Contains(w.Body.String(), `"scope":"`+required+`"`) {
		t.Fatalf("%s: got the challenge %q, the body %s and the scopes %q in the ErrorInfo, want the same scopes", method, challenges, w.Body, required)
	}
	return false, required, missing
}

// TestStepUp tests that HTTP and gRPC name the same scopes for random rules, and that a client
// that replaces its scopes by the named ones is allowed in one step and asks for no scope of two
// alternatives.
func TestStepUp(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 2)) //nolint:gosec // the test must be repeatable
	names := []string{"a", "b", "c", "d", "e", "f"}
	var random func(depth int) scopes.Rule
	random = func(depth int) scopes.Rule {
		list := make([]string, 1+r.IntN(3))
		for i := range list {
			list[i] = names[r.IntN(len(names))]
		}
		var rules []scopes.Rule
		for depth > 0 && len(rules) < 2 {
			rules = append(rules, random(depth-1))
		}
		switch kind := r.IntN(2); {
		case depth == 0 && kind == 0:
			return scopes.All(list...)
		case depth == 0:
			return scopes.Any(list...)
		case kind == 0:
			return scopes.And(rules...)
		}
		return scopes.Or(rules...)
	}
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
	t.Cleanup(issuer.Close)
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Hierarchy = scopes.Hierarchy{"f": {"e"}, "e": {"d", "a"}}
	})
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	methods, mux := scopes.Methods{}, http.NewServeMux()
	for i := range 400 {
		method := fmt.Sprintf("/test.Service/Method%d", i)
		methods[method] = random(r.IntN(4))
		guard.Handle(mux, "GET "+method, methods[method], http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}
	rpc, err := interceptor.New(v, methods, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &stepClient{issuer, rpc, mux}
	steps, partial := 0, 0
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		for range 4 {
			var granted []string
			for _, name := range names {
				if r.IntN(4) == 0 {
					granted = append(granted, name)
				}
			}
			allowed, required, missing := client.call(t, method, strings.Join(granted, " "))
			if allowed {
				continue
			}
			steps++
			if required != missing {
				partial++
			}
			if allowed, again, _ := client.call(t, method, required); !allowed {
				t.Fatalf("%v, granted %q: got the challenge %q for a token with the scopes %q of the first challenge, want an allowed call", methods[method], granted, again, required)
			}
			for name := range strings.FieldsSeq(required) {
				fewer := strings.Join(slices.DeleteFunc(strings.Fields(required), func(other string) bool { return other == name }), " ")
				if allowed, _, _ := client.call(t, method, fewer); allowed {
					t.Fatalf("%v, granted %q: got the challenge %q, but a token without %q is allowed too", methods[method], granted, required, name)
				}
			}
		}
	}
	if steps < 500 || partial < 100 {
		t.Errorf("got %d steps, %d of them with a scope that the token grants, want more", steps, partial)
	}
	t.Logf("%d steps, %d of them with a scope that the token grants", steps, partial)
}
