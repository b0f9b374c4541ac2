package bearer_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

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

// Clone returns a deep copy. Custom must call Clone.
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
		t.Errorf("got custom claims %+v and ok=%v, want repository acme/x, limit 3, and ok=true", got, ok)
	}
	if _, ok := bearer.Custom[nested](ctx); ok {
		t.Error("Custom with a type that Config.Custom does not return: got custom claims, want none")
	}
	if _, ok := bearer.Custom[flat](t.Context()); ok {
		t.Error("context without claims: got custom claims, want none")
	}
	for name, claims := range map[string]members{
		"string instead of a number": {"limit": "3"}, "fraction": {"limit": 1.5}, "number that is too large": {"limit": raw("1e30")},
	} {
		if _, err := customOf[flat](t, claims); !errors.Is(err, bearer.InvalidCustom) {
			t.Errorf("%s: got error %v, want reason %q", name, err, bearer.InvalidCustom)
		}
	}
	if _, err := customOf[checked](t, members{"limit": 0}); !errors.Is(err, bearer.InvalidCustom) {
		t.Errorf("Validate returns an error: got error %v, want reason %q", err, bearer.InvalidCustom)
	}
	if _, err := customOf[checked](t, members{"limit": 1}); err != nil {
		t.Errorf("Validate returns nil: got error %v, want none", err)
	}
}

// TestCustomSharesNothing changes claims and custom claims of one token in concurrent
// handlers. No handler may see a change that another handler made. The race detector finds
// shared memory.
func TestCustomSharesNothing(t *testing.T) {
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
				t.Errorf("got custom claims %+v and ok=%v, want the tag a with the values 1 and 2, and ok=true", n, ok)
				return
			}
			n.Tags["a"][0] = "changed"
			delete(n.Tags, "a")
			c, ok := bearer.Custom[cloning](cloned)
			if !ok || !slices.Equal(c.Names, []string{"1", "2"}) {
				t.Errorf("got custom claims %+v and ok=%v, want the names 1 and 2, and ok=true", c, ok)
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
		t.Errorf("got audience %q after changes by handlers, want %q", got, audience)
	}
}

func TestJSONAt(t *testing.T) {
	type deployer struct {
		Repository string `json:"github_repository"`
	}
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSONAt[deployer]("custom_claims") })
	for _, row := range []struct {
		claims members
		want   bearer.Reason
	}{
		{members{"custom_claims": members{"github_repository": "acme/x"}}, ""},
		{members{"custom_claims": members{"github_repository": 1}}, bearer.InvalidCustom},
		{members{"custom_claims": "x"}, bearer.InvalidCustom},
		{members{"custom_claims": raw("null")}, bearer.InvalidCustom},
		{nil, bearer.InvalidCustom},
	} {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{
			Authorization: []string{"Bearer " + issuer.Token(row.claims)}, Rule: scopes.All(),
		})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%v: got reason %q, want %q; error: %v", row.claims, got, row.want, err)
		}
		if err == nil {
			if got, ok := bearer.Custom[deployer](ctx); !ok || got.Repository != "acme/x" {
				t.Errorf("got custom claims %+v and ok=%v, want repository acme/x and ok=true", got, ok)
			}
		}
	}
	_, err := bearer.New(bearer.Config{Custom: bearer.JSONAt[deployer]("/a/~2")})
	if err == nil || !strings.Contains(err.Error(), `Config.Custom: "/a/~2"`) || !strings.Contains(err.Error(), "Config.Issuer") {
		t.Errorf("invalid claim name: got error %v, want an error that reports the claim name and the other problems", err)
	}
	_, err = v.Verify(t.Context(), issuer.Token(nil))
	if err == nil || !strings.Contains(err.Error(), `claim "custom_claims" is missing`) {
		t.Errorf("token without the claim: got error %v, want an error that names the claim", err)
	}
}

// everything contains all kinds of references that a decoder can fill.
type everything struct {
	Map     map[string][]int          `json:"map"`
	Nested  map[string]map[string]any `json:"nested"`
	Any     any                       `json:"any"`
	Pointer *flat                     `json:"pointer"`
	Slices  [][]string                `json:"slices"`
	Array   [1][]string               `json:"array"`
	When    *time.Time                `json:"when"`
	Empty   []string                  `json:"empty"`
	Absent  map[string]string         `json:"absent"`
	hidden  []string                  // decoders do not fill this field, because it is not exported
}

// TestCustomDecodesOnce reads and changes custom claims several times. The token must be
// decoded once, and each read must return an unchanged copy.
func TestCustomDecodesOnce(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	var calls atomic.Int32
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = func(claims []byte) (any, error) {
			calls.Add(1)
			return bearer.JSON[everything](claims)
		}
	})
	claims := members{
		"map": members{"a": []int{1}}, "nested": members{"b": members{"c": []any{"d", members{"e": 1}}}}, "any": []any{members{"f": "g"}},
		"pointer": members{"repository": "acme/x"}, "slices": [][]string{{"h"}}, "array": [][]string{{"i"}}, "when": "2026-01-02T03:04:05Z", "empty": []string{},
	}
	ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: scopes.All()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, ok := bearer.Custom[everything](ctx)
		if !ok || got.Map["a"][0] != 1 || got.Pointer.Repository != "acme/x" || got.Slices[0][0] != "h" || got.Array[0][0] != "i" ||
			got.When.Year() != 2026 || got.Empty == nil || got.Absent != nil {
			t.Fatalf("got custom claims %+v and ok=%v, want the signed claims and ok=true", got, ok)
		}
		inner, _ := got.Nested["b"]["c"].([]any)
		object, _ := inner[1].(map[string]any)
		list, _ := got.Any.([]any)
		first, _ := list[0].(map[string]any)
		if object["e"] != 1.0 || first["f"] != "g" {
			t.Fatalf("got custom claims %+v, want the signed claims", got)
		}
		got.Map["a"][0], got.Pointer.Repository, got.Slices[0][0], got.Array[0][0] = 0, "", "", ""
		*got.When, object["e"], first["f"] = time.Time{}, nil, nil
		got.Nested["b"]["x"], got.Map["x"] = nil, nil
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("got %d decodings of one token, want 1", got)
	}
}

// TestCustomOfCachedTokens sends cached tokens in concurrent requests. Each token must be
// decoded once. No handler may see a change that another handler made. The race detector
// finds shared memory.
func TestCustomOfCachedTokens(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	var calls atomic.Int32
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = func(claims []byte) (any, error) {
			calls.Add(1)
			custom, err := bearer.JSON[nested](claims)
			clear(claims) // The function owns the bytes, so it may overwrite them.
			return custom, err
		}
	})
	serve := func(token, want string) {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		if err != nil {
			t.Error(err)
			return
		}
		got, ok := bearer.Custom[nested](ctx)
		if !ok || len(got.Tags) != 1 || !slices.Equal(got.Tags["a"], []string{want}) {
			t.Errorf("got custom claims %+v and ok=%v, want only the tag a with the value %s, and ok=true", got, ok, want)
			return
		}
		got.Tags["a"][0] = "changed"
		got.Tags["b"] = nil
		claims, _ := bearer.FromContext(ctx)
		if value, _ := claims.Value("tags"); string(value) != `{"a":["`+want+`"]}` {
			t.Errorf("got claim %s, want the signed claim with %s", value, want)
		}
	}
	first, second := issuer.Token(members{"tags": members{"a": []string{"1"}}}), issuer.Token(members{"tags": members{"a": []string{"2"}}})
	serve(first, "1")
	serve(second, "2")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				serve(first, "1")
				serve(second, "2")
			}
		})
	}
	wg.Wait()
	if got := calls.Load(); got != 2 {
		t.Errorf("got %d decodings of two tokens, want 2", got)
	}
}

// TestCustomWithoutCopy tests custom claims that Custom cannot copy. Custom must decode the
// token a second time.
func TestCustomWithoutCopy(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	cycle := func() any {
		m := map[string]any{}
		m["self"] = m
		return m
	}
	for name, made := range map[string]func() any{
		"unexported field": func() any { return everything{hidden: []string{"a"}} },
		"channel":          func() any { return map[string]any{"c": make(chan int)} },
		"unsafe pointer":   func() any { return map[string]any{"p": unsafe.Pointer(new(int))} }, //nolint:gosec // the test never reads the memory
		"function":         func() any { return map[string]any{"f": func() {}} },
		"reference cycle":  cycle,
		"map[any]any":      func() any { return map[any]any{"a": 1} },
	} {
		var calls int
		v := newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Custom = func([]byte) (any, error) { calls++; return made(), nil }
		})
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := bearer.Custom[any](ctx); !ok || calls != 2 {
			t.Errorf("%s: got ok=%v from Custom and %d decodings, want ok=true and 2 decodings", name, ok, calls)
		}
	}
}

// The methods of these types panic. Clone of panicsLater panics only in the second and later
// calls.
type (
	panicsInUnmarshal struct{}
	panicsInValidate  struct{}
	panicsInClone     struct{ Names []string }
	panicsInInterface struct{ Names []string }
	panicsLater       struct {
		Names []string
		calls *atomic.Int32
	}
)

func (*panicsInUnmarshal) UnmarshalJSON([]byte) error { panic("unmarshal") }
func (panicsInValidate) Validate() error              { panic("validate") }
func (panicsInClone) Clone() panicsInClone            { panic("clone") }
func (panicsInInterface) Clone() any                  { panic("clone") }

func (p panicsLater) Clone() panicsLater {
	if p.calls.Add(1) > 1 {
		panic("clone")
	}
	return p
}

// TestCustomPanics tests panics in the methods of custom claims. Decide must refuse the
// request with reason Internal. No panic may reach a handler.
func TestCustomPanics(t *testing.T) {
	for name, decide := range map[string]func(*testing.T, members) (context.Context, error){
		"UnmarshalJSON": customOf[panicsInUnmarshal], "Validate": customOf[panicsInValidate], "Clone": customOf[panicsInClone],
		"pointer to Clone": customOf[*panicsInClone], "Clone to an interface": customOf[panicsInInterface],
	} {
		ctx, err := decide(t, nil)
		if !errors.Is(err, bearer.Internal) || ctx != nil {
			t.Errorf("%s panics: got context %v and error %v, want no context and reason %q", name, ctx, err, bearer.Internal)
		}
	}
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = func([]byte) (any, error) { return panicsLater{calls: new(atomic.Int32)}, nil }
	})
	ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := bearer.Custom[panicsLater](ctx); ok {
		t.Errorf("Clone panics in the handler: got custom claims %+v, want none", got)
	}
}
