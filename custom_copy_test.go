package bearer_test

import (
	"encoding/json"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// These are types of custom claims. Each type contains a reference that a shallow copy shares.
type (
	inner struct{ Tags []string }

	pointers struct{ Of map[string]*inner }
	rawText  struct {
		JSON  json.RawMessage
		Value jsontext.Value
		Bytes []byte
	}
	bigNumbers struct {
		Pointer *big.Int // big.Int keeps its digits in an unexported slice
		Value   big.Int
	}
	embedded   struct{ inner } // an unexported embedded type with an exported field
	interfaces struct{ Any any }
	locked     struct {
		Mutex sync.Mutex `json:"-"`
		Of    map[string]string
	}
	times struct {
		Pointer *time.Time
		List    []time.Time
	}
	recursive struct {
		Next *recursive
		Tags []string
	}
)

// testDeepCopy serves concurrent requests with one token. Each handler changes its custom
// claims of type *T. Even so, every handler must see the signed claims. The race detector
// finds shared memory.
func testDeepCopy[T any](t *testing.T, claim string, change func(*T)) {
	t.Helper()
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSONAt[*T]("custom") })
	token := issuer.Token(members{"custom": raw(claim)})
	handle := func(change func(*T)) string {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		if err != nil {
			t.Error(err)
			return ""
		}
		custom, ok := bearer.Custom[*T](ctx)
		if !ok {
			t.Errorf("%T: got no custom claims, want some", custom)
			return ""
		}
		text, err := json.Marshal(custom)
		if err != nil {
			t.Error(err)
		}
		change(custom)
		return string(text)
	}
	if got := handle(func(*T) {}); got != claim {
		t.Fatalf("got custom claims %s, want %s", got, claim)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if got := handle(change); got != claim {
					t.Errorf("got custom claims %s, want %s", got, claim)
				}
			}
		})
	}
	wg.Wait()
}

func TestCustomIsDeepCopied(t *testing.T) {
	testDeepCopy(t, `{"Of":{"a":{"Tags":["b"]}}}`, func(c *pointers) { c.Of["a"].Tags[0] = "changed"; c.Of["a"] = nil })
	testDeepCopy(t, `{"JSON":{"a":1},"Value":{"b":2},"Bytes":"AQI="}`, func(c *rawText) { c.JSON[1], c.Value[1], c.Bytes[0] = 'x', 'x', 'x' })
	testDeepCopy(t, `{"Pointer":18446744073709551617,"Value":18446744073709551617}`, func(c *bigNumbers) {
		c.Pointer.Bits()[0] = 2
		c.Value.Bits()[0] = 2
	})
	testDeepCopy(t, `{"Tags":["a"]}`, func(c *embedded) { c.Tags[0] = "changed" })
	testDeepCopy(t, `{"Any":[{"a":["b"]}]}`, func(c *interfaces) {
		list, _ := c.Any.([]any)
		object, _ := list[0].(map[string]any)
		tags, _ := object["a"].([]any)
		tags[0] = "changed"
	})
	testDeepCopy(t, `{"Of":{"a":"b"}}`, func(c *locked) { c.Mutex.Lock(); c.Of["a"] = "changed" })
	testDeepCopy(t, `{"Pointer":"2026-01-02T03:04:05+02:00","List":["2026-01-02T03:04:05Z"]}`, func(c *times) {
		*c.Pointer, c.List[0] = time.Time{}, time.Time{}
	})
	testDeepCopy(t, `{"Next":{"Next":null,"Tags":["a"]},"Tags":["b"]}`, func(c *recursive) { c.Next.Tags[0], c.Tags[0] = "changed", "changed" })
}

// BenchmarkCustomText reads custom claims that contain JSON text. Each call of Custom copies
// the text.
func BenchmarkCustomText(b *testing.B) {
	issuer := newIssuer(b, "EdDSA")
	v := newVerifier(b, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSON[map[string]json.RawMessage] })
	claims, err := v.Verify(b.Context(), issuer.Token(members{"text": string(make([]byte, 1<<10))}))
	if err != nil {
		b.Fatal(err)
	}
	ctx := bearer.NewContext(b.Context(), claims)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := bearer.Custom[map[string]json.RawMessage](ctx); !ok {
			b.Fatal("got no custom claims, want some")
		}
	}
}

// uncopyable has state that Custom cannot copy.
type uncopyable struct{ state *int }

// TestWithCustomNeverDecodesToken replaces custom claims with WithCustom. If the new custom
// claims cannot be copied, Custom must return none. It must not return the custom claims of
// the token instead.
func TestWithCustomNeverDecodesToken(t *testing.T) {
	issuer, state := newIssuer(t, "EdDSA"), 1
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Custom = func([]byte) (any, error) { return uncopyable{&state}, nil }
	})
	claims, err := v.Verify(t.Context(), issuer.Token(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := bearer.Custom[uncopyable](bearer.NewContext(t.Context(), claims)); !ok {
		t.Error("got no custom claims of the token, want the claims from a second decoding")
	}
	other := 2
	if got, ok := bearer.Custom[uncopyable](bearer.NewContext(t.Context(), claims.WithCustom(uncopyable{&other}))); ok {
		t.Errorf("custom claims that cannot be copied: got %v, want none", got)
	}
	if got, ok := bearer.Custom[string](bearer.NewContext(t.Context(), claims.WithCustom("guest"))); !ok || got != "guest" {
		t.Errorf("got custom claims %q and ok=%v, want \"guest\" and ok=true", got, ok)
	}
}
