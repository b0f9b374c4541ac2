package deepcopy_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/deepcopy"
)

type (
	leaf   struct{ Tags []string }
	tree   struct{ Of map[string]*leaf }
	cycle  struct{ Next *cycle }
	hidden struct{ tags []string }
	inner  struct {
		leaf
		name string
	}
	outer struct{ inner }
	plain struct {
		Name string
		At   time.Time
		Size [2]int
	}
)

func TestOf(t *testing.T) {
	given := tree{map[string]*leaf{"a": {[]string{"x"}}}}
	value, ok := deepcopy.Of(reflect.ValueOf(given))
	copied, isTree := value.Interface().(tree)
	if !ok || !isTree || !reflect.DeepEqual(copied, given) {
		t.Fatalf("got copy %v and result %v, want an equal copy and result true", value, ok)
	}
	copied.Of["a"].Tags[0], copied.Of["b"] = "changed", nil
	if given.Of["a"].Tags[0] != "x" || len(given.Of) != 1 {
		t.Errorf("a change of the copy changed the original to %v, want no change of the original", given)
	}
	circle := &cycle{}
	circle.Next = circle
	for name, value := range map[string]any{
		"cycle": circle, "channel": make(chan int), "function": func() {}, "unexported field": hidden{[]string{"x"}},
	} {
		if _, ok := deepcopy.Of(reflect.ValueOf(value)); ok {
			t.Errorf("%s: got a copy, want no copy", name)
		}
	}
}

// TestOfEmbedded copies an embedded struct with an unexported type. Its exported fields belong
// to the value too: package json decodes them.
func TestOfEmbedded(t *testing.T) {
	given := outer{inner{leaf{[]string{"x"}}, "name"}}
	value, ok := deepcopy.Of(reflect.ValueOf(given))
	copied, isOuter := value.Interface().(outer)
	if !ok || !isOuter || !reflect.DeepEqual(copied, given) {
		t.Fatalf("got copy %v and result %v, want an equal copy and result true", value, ok)
	}
	if copied.Tags[0] = "changed"; given.Tags[0] != "x" {
		t.Errorf("a change of the copy changed the original to %v, want no change of the original", given)
	}
	for _, value := range []any{struct{ hidden }{hidden{[]string{"x"}}}, struct{ *leaf }{&leaf{}}} {
		if _, ok := deepcopy.Of(reflect.ValueOf(value)); ok {
			t.Errorf("%T: got a copy, want no copy", value)
		}
	}
}

func TestFlat(t *testing.T) {
	for value, want := range map[any]bool{1: true, "a": true, plain{}: true, &plain{}: false, struct{ E error }{}: false} {
		if got := deepcopy.Flat(reflect.TypeOf(value)); got != want {
			t.Errorf("%T: got %v, want %v", value, got, want)
		}
	}
}
