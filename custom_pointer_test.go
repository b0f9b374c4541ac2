package bearer_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/bearerkit/bearer"
)

type (
	flatCustom struct{ Name string }
	deepCustom struct {
		Tags []string
		Next *flatCustom
	}
	// clonedCustom and clonedPointer count the calls of Clone in the field Clones of the copy.
	clonedCustom struct {
		Tags   []string
		Clones int
	}
	clonedPointer struct {
		Tags   []string
		Clones int
	}
	// hiddenCustom cannot be copied, so Custom decodes it again.
	hiddenCustom struct {
		Tags   []string
		hidden *int //nolint:unused // only its type matters
	}
)

func (c clonedCustom) Clone() clonedCustom {
	return clonedCustom{slices.Clone(c.Tags), c.Clones + 1}
}

func (c *clonedPointer) Clone() *clonedPointer {
	return &clonedPointer{slices.Clone(c.Tags), c.Clones + 1}
}

// TestCustomPointer checks that Custom[T] and Custom[*T] return the same custom claims, whether
// Config.Custom returns a T or a *T.
func TestCustomPointer(t *testing.T) {
	claims := members{"Name": "n", "Tags": []string{"a", "b"}, "Next": members{"Name": "m"}}
	testPointer(t, claims, flatCustom{"n"}, func(c *flatCustom) { c.Name = "changed" })
	testPointer(t, claims, deepCustom{[]string{"a", "b"}, &flatCustom{"m"}}, func(c *deepCustom) { c.Tags[0], c.Next.Name = "changed", "changed" })
	testPointer(t, claims, clonedCustom{[]string{"a", "b"}, 1}, func(c *clonedCustom) { c.Tags[0] = "changed" })
	testPointer(t, claims, hiddenCustom{Tags: []string{"a", "b"}}, func(c *hiddenCustom) { c.Tags[0] = "changed" })

	// Clone has a pointer receiver, so it is a method of *T only.
	ctx, err := customOf[*clonedPointer](t, claims)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := bearer.Custom[*clonedPointer](ctx); !ok || got.Clones != 1 {
		t.Errorf("%T: got %+v and ok=%v, want one call of Clone", got, got, ok)
	}
	if got, ok := bearer.Custom[clonedPointer](ctx); !ok || got.Clones != 1 || len(got.Tags) != 2 {
		t.Errorf("%T from a pointer: got %+v and ok=%v, want two tags and one call of Clone", got, got, ok)
	}
}

// testPointer checks all combinations of T and *T. The function change modifies the result of
// Custom, which must not affect the next result.
func testPointer[T any](t *testing.T, claims members, want T, change func(*T)) {
	t.Helper()
	value, err := customOf[T](t, claims)
	if err != nil {
		t.Fatal(err)
	}
	pointer, err := customOf[*T](t, claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"Config.Custom returns T": value, "Config.Custom returns *T": pointer} {
		for range 2 {
			got, ok := bearer.Custom[T](ctx)
			if !ok || jsonOf(got) != jsonOf(want) {
				t.Errorf("%s, Custom[%T]: got %s and ok=%v, want %s", name, got, jsonOf(got), ok, jsonOf(want))
				continue
			}
			change(&got)
			again, ok := bearer.Custom[*T](ctx)
			if !ok || again == nil || jsonOf(*again) != jsonOf(want) {
				t.Errorf("%s, Custom[%T]: got %v and ok=%v, want a pointer to %s", name, again, again, ok, jsonOf(want))
				continue
			}
			change(again)
		}
		if _, ok := bearer.Custom[**T](ctx); ok {
			t.Errorf("%s, Custom[**T]: got custom claims, want none", name)
		}
	}
}

// jsonOf returns the JSON form of v, which contains the targets of pointers.
func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestCustomNilPointer checks that a nil pointer is no T.
func TestCustomNilPointer(t *testing.T) {
	ctx := bearer.NewContext(t.Context(), new(bearer.Claims).WithCustom((*flatCustom)(nil)))
	if got, ok := bearer.Custom[flatCustom](ctx); ok {
		t.Errorf("T from a nil pointer: got %+v, want ok=false", got)
	}
	if got, ok := bearer.Custom[*flatCustom](ctx); !ok || got != nil {
		t.Errorf("*T from a nil pointer: got %+v and ok=%v, want nil and ok=true", got, ok)
	}
	listed := bearer.NewContext(t.Context(), new(bearer.Claims).WithCustom(map[string][]string{"a": {"b"}}))
	if got, ok := bearer.Custom[*map[string][]string](listed); !ok || (*got)["a"][0] != "b" {
		t.Errorf("pointer to a map: got %v and ok=%v, want the map", got, ok)
	} else {
		(*got)["a"][0] = "changed"
	}
	if got, ok := bearer.Custom[map[string][]string](listed); !ok || got["a"][0] != "b" {
		t.Errorf("map after a change of a copy: got %v and ok=%v, want no change", got, ok)
	}
	var none *clonedCustom
	if got, ok := bearer.Custom[*clonedCustom](bearer.NewContext(t.Context(), new(bearer.Claims).WithCustom(none))); !ok || got != nil {
		t.Errorf("nil pointer to a type with Clone: got %v and ok=%v, want nil and ok=true", got, ok)
	}
	uncopied := bearer.NewContext(t.Context(), new(bearer.Claims).WithCustom(struct{ C chan int }{make(chan int)}))
	if _, ok := bearer.Custom[*struct{ C chan int }](uncopied); ok {
		t.Error("pointer to a value with a channel: got custom claims, want none")
	}
}
