package bearer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestClaims(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	claims, err := v.Verify(t.Context(), issuer.Token(members{
		"sub": "s", "client_id": "c", "jti": "j", "iat": 1000, "nbf": 2000, "exp": 4102444800,
		"scope": "a b", "x.y": members{"z": []int{1}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name      string
		got, want any
	}{
		{"Issuer", claims.Issuer(), issuer.URL()},
		{"Subject", claims.Subject(), "s"},
		{"ClientID", claims.ClientID(), "c"},
		{"ID", claims.ID(), "j"},
		{"IssuedAt", claims.IssuedAt().Unix(), int64(1000)},
		{"NotBefore", claims.NotBefore().Unix(), int64(2000)},
		{"ExpiresAt", claims.ExpiresAt().Unix(), int64(4102444800)},
		{"Scopes", claims.Scopes().String(), "a b"},
		{"Audience", strings.Join(claims.Audience(), " "), audience},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, row.got, row.want)
		}
	}
	if v, ok := claims.Value("x.y"); !ok || string(v) != `{"z":[1]}` {
		t.Errorf("Value: got %s, %v", v, ok)
	}
	if _, ok := claims.Value("X.Y"); ok {
		t.Error("Value finds a name in another case")
	}
	var all struct {
		Sub string `json:"sub"`
		SUB string
	}
	if err := claims.Decode(&all); err != nil || all.Sub != "s" || all.SUB != "" {
		t.Errorf("Decode: got %+v, %v", all, err)
	}
	if err := claims.Decode(new(int)); err == nil {
		t.Error("Decode into an int: no error")
	}
}

// TestClaimsLogValue wants the claims' own choice of what a log sees.
func TestClaimsLogValue(t *testing.T) {
	issuer := newIssuer(t)
	claims, err := newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Token(members{
		"sub": strings.Repeat("s", 500), "jti": "a\nb", "email": "someone@example.com",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("request", "caller", claims)
	if text := log.String(); strings.Contains(text, "someone@") || strings.Count(text, "\n") != 1 || len(text) > 400 ||
		!strings.Contains(text, "caller.sub=sss") {
		t.Errorf("got %s", text)
	}
}

type flat struct {
	Repository string `json:"repository"`
	Limit      int    `json:"limit"`
}

type nested struct {
	Tags map[string][]string `json:"tags"`
}

type cloning struct {
	Names []string `json:"names"`
}

// Clone counts on Custom to call it.
func (c cloning) Clone() cloning { return cloning{slices.Clone(c.Names)} }

type checked struct {
	Limit int `json:"limit"`
}

func (c *checked) Validate() error {
	if c.Limit < 1 {
		return errors.New("limit is below 1")
	}
	return nil
}

func customOf[T any](t *testing.T, claims members) (context.Context, error) {
	t.Helper()
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSON[T] })
	return bearer.Decide(t.Context(), v, bearer.Request{
		Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: scopes.All(),
	})
}

func TestCustom(t *testing.T) {
	ctx, err := customOf[flat](t, members{"repository": "acme/x", "limit": 3, "REPOSITORY": "evil"})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := bearer.Custom[flat](ctx); !ok || got != (flat{"acme/x", 3}) {
		t.Errorf("got %+v, %v", got, ok)
	}
	if _, ok := bearer.Custom[nested](ctx); ok {
		t.Error("got custom claims of a type that nobody decoded")
	}
	if _, ok := bearer.Custom[flat](t.Context()); ok {
		t.Error("got custom claims from a context without claims")
	}
	for name, claims := range map[string]members{
		"wrong type": {"limit": "3"}, "fraction": {"limit": 1.5}, "too large": {"limit": raw("1e30")},
	} {
		if _, err := customOf[flat](t, claims); !errors.Is(err, bearer.InvalidCustom) {
			t.Errorf("%s: got %v, want reason %q", name, err, bearer.InvalidCustom)
		}
	}
	if _, err := customOf[checked](t, members{"limit": 0}); !errors.Is(err, bearer.InvalidCustom) {
		t.Errorf("Validate says no: got %v, want reason %q", err, bearer.InvalidCustom)
	}
	if _, err := customOf[checked](t, members{"limit": 1}); err != nil {
		t.Errorf("Validate says yes: %v", err)
	}
}

// TestCustomIsOnesOwn has handlers of one token change all that they get, at
// once; the race detector watches.
func TestCustomIsOnesOwn(t *testing.T) {
	deep, err := customOf[nested](t, members{"tags": members{"a": []string{"1", "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	cloned, err := customOf[cloning](t, members{"names": []string{"1", "2"}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n, ok := bearer.Custom[nested](deep)
			if !ok || !maps.EqualFunc(n.Tags, map[string][]string{"a": {"1", "2"}}, slices.Equal[[]string]) {
				t.Errorf("got %+v, %v", n, ok)
				return
			}
			n.Tags["a"][0] = "changed"
			delete(n.Tags, "a")
			c, ok := bearer.Custom[cloning](cloned)
			if !ok || !slices.Equal(c.Names, []string{"1", "2"}) {
				t.Errorf("got %+v, %v", c, ok)
				return
			}
			c.Names[0] = "changed"
			claims, _ := bearer.FromContext(deep)
			claims.Audience()[0] = "changed"
			value, _ := claims.Value("tags")
			value[0] = 'x'
		})
	}
	wg.Wait()
	claims, _ := bearer.FromContext(deep)
	if got := claims.Audience(); !slices.Equal(got, []string{audience}) {
		t.Errorf("a handler changed the audience to %q", got)
	}
}

func TestContext(t *testing.T) {
	if _, ok := bearer.FromContext(t.Context()); ok {
		t.Error("claims in an empty context")
	}
	claims := &bearer.Claims{}
	type key struct{}
	ctx := context.WithValue(bearer.NewContext(t.Context(), claims), key{}, 1)
	if got, ok := bearer.FromContext(ctx); !ok || got != claims {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := bearer.FromContext(bearer.NewContext(ctx, nil)); ok {
		t.Error("nil claims do not hide those of the parent")
	}
	if ctx.Value(key{}) != 1 || ctx.Err() != nil {
		t.Error("the rest of the context is lost")
	}
}
