package conformance_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestPrintedRequests prints the values that handlers, hooks and observers get for an allowed and
// for a refused request. The printed forms must contain no part of the token, and no claim except
// the claims that Claims.String, Claims.LogValue and the error show.
func TestPrintedRequests(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	p := &printer{t: t}
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = bearer.JSON[map[string]any]
		cfg.Validate = func(ctx context.Context, c *bearer.Claims) error {
			p.print("Validate", ctx, c, *c)
			return nil
		}
		cfg.Observer = bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { p.print("Observer", e, e.Claims, e.Err) })
	})
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	rpc, err := interceptor.New(v, scopes.Methods{"/s/M": scopes.All("a")}, &interceptor.Options{KeepToken: true})
	if err != nil {
		t.Fatal(err)
	}
	handler := func(ctx context.Context) {
		claims, _ := bearer.FromContext(ctx)
		child, cancel := context.WithCancel(context.WithValue(ctx, contextKey{}, claims))
		defer cancel()
		p.print("handler", ctx, child, context.WithoutCancel(child), claims, *claims)
	}
	for scope, handled := range map[string]bool{"a": true, "b": false} {
		secret := "SECRETqZ7jKx" + scope
		token := issuer.Token(map[string]any{"scope": scope, "email": secret})
		p.secrets = append(strings.Split(token, "."), secret)

		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		allowed, err := guard.Check(r, scopes.All("a"))
		p.print("Check", err)
		if handled {
			handler(allowed.Context())
		}
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + token}})
		_, err = rpc.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/s/M"}, func(ctx context.Context, _ any) (any, error) {
			handler(ctx)
			return nil, nil
		})
		p.print("Unary", err)
		_, err = bearer.Decide(t.Context(), v, bearer.Request{Authorization: r.Header["Authorization"], Rule: scopes.All("a")})
		p.print("Decide", err)
		p.print("Explain", bearer.Explain(t.Context(), v, bearer.Request{Authorization: r.Header["Authorization"], Rule: scopes.All("a")}))
		p.print("objects", v, guard, rpc)
	}
	for _, source := range []string{"Validate", "Observer", "handler", "Check", "Unary", "Decide", "Explain", "objects"} {
		if p.count[source] == 0 {
			t.Errorf("%s: got no printed value, want some", source)
		}
	}
}

// printer searches printed values for secrets.
type printer struct {
	t       *testing.T
	secrets []string
	count   map[string]int
}

// The method print prints the values and fails the test if a printed form contains a secret.
func (p *printer) print(source string, values ...any) {
	p.t.Helper()
	if p.count == nil {
		p.count = map[string]int{}
	}
	for _, v := range values {
		if v == nil {
			continue
		}
		p.count[source]++
		text := printAll(v)
		if i := slices.IndexFunc(p.secrets, func(secret string) bool { return hasForm(text, secret) }); i >= 0 {
			p.t.Errorf("%s: %T: got the secret %.20q in the printed form, want none", source, v, p.secrets[i])
		}
	}
}

// TestPrintWhileInUse prints objects while other goroutines use them. The race detector reports a
// printed form that reads fields which change.
func TestPrintWhileInUse(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{testkit.Audience}, Algorithms: []string{"EdDSA"}})
	t.Cleanup(issuer.Close)
	limits := &jwks.Limits{}
	keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	collector, err := metrics.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	observer, err := bearer.NewLogObserver(slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = observer.Close() })
	cfg := testkit.Config(t, issuer)
	cfg.Keys, cfg.Observer = keys, bearer.Observers{collector, observer}
	issuers := &bearer.Issuers{Logger: cfg.Logger}
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(issuers, nil)
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 100
	var group sync.WaitGroup
	use := func(f func(i int)) {
		group.Go(func() {
			for i := range rounds {
				f(i)
			}
		})
	}
	use(func(i int) {
		token := issuer.Token(map[string]any{"jti": fmt.Sprint(i), "iss": []string{issuer.URL(), "x"}[i%2]})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		guard.RequireAt(fmt.Sprintf("GET /%d", i), scopes.All())(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	})
	use(func(i int) {
		other := cfg
		other.Issuer = fmt.Sprintf("https://%d.example", i)
		if err := issuers.Add(other); err != nil {
			t.Error(err)
		}
		issuer.AddClient(bearertest.Client{ID: fmt.Sprint(i), Secret: "secret"})
		_ = keys.Refresh(t.Context())
	})
	for _, format := range []string{"%v", "%#v", "%s", "%d"} {
		use(func(int) {
			for _, v := range []any{issuer, keys, limits, collector, observer, issuers, guard} {
				if text := fmt.Sprintf(format, v); text == "" {
					t.Errorf("%s of %T: got an empty text, want some", format, v)
				}
			}
		})
	}
	group.Wait()
}
