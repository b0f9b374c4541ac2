package sizeof_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/deepcopy"
	"github.com/bearerkit/bearer/internal/sizeof"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestAlloc compares the size classes of the package with the runtime.
func TestAlloc(t *testing.T) {
	for n := 0; n < 80<<10; n += 1 + n/200 {
		if got, want := sizeof.Alloc(n), cap(append([]byte(nil), make([]byte, n)...)); got != want {
			t.Fatalf("%d bytes: got %d, want %d, because append allocates that many bytes", n, got, want)
		}
	}
	for n := 0; n < 8<<10; n += 1 + n/200 {
		if got, want := sizeof.Pointers(n*8), 8*cap(append([]*int(nil), make([]*int, n)...)); got != want && got != want+8 {
			t.Fatalf("%d pointers: got %d, want %d or %d", n, got, want, want+8)
		}
	}
}

type (
	node  struct{ Parent, Left, Right *node }
	inner struct{ A, B *int }
	outer struct {
		Names map[string]inner
		Lists [][]string
		Any   any
		Time  time.Time
		Bytes []byte
	}
	base     struct{ X any }
	embedded struct{ base }
	hidden   struct{ shared map[string]string }
	locked   struct {
		sync.Mutex
		Shared map[string]string
	}
	shared struct {
		Stop   func()
		Shared map[string]string
	}
	chain struct {
		Space [64]byte
		Next  *chain
	}
	first struct {
		A int
		B [10000]byte
	}
)

// TestValue compares the estimate with the memory that the heap has, for values that are
// decoded from JSON.
func TestValue(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector changes the memory on the heap")
	}
	decode := func(to func() any, text string) func() any {
		return func() any {
			v := to()
			if err := json.Unmarshal([]byte(text), v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	anyValue, outerValue, embeddedValue := func() any { return new(any) }, func() any { return new(outer) }, func() any { return new(embedded) }
	list := func(element string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", 3000), ",") + "]"
	}
	for name, make := range map[string]func() any{
		"empty arrays":  decode(anyValue, list("[]")),
		"empty objects": decode(anyValue, list("{}")),
		"objects":       decode(anyValue, list(`{"a":{"b":1}}`)),
		"numbers":       decode(anyValue, list("12.5")),
		"texts":         decode(anyValue, list(`"abcdefghijklmnopqrst"`)),
		"lists":         decode(outerValue, `{"Lists":`+list(`["a","b"]`)+"}"),
		"bytes":         decode(outerValue, `{"Bytes":"`+strings.Repeat("abcd", 5000)+`"}`),
		"names":         decode(outerValue, `{"Names":{"`+strings.Join(names(3000), `":{"A":1},"`)+`":{"B":null}}}`),
		"members":       decode(anyValue, `{"`+strings.Join(names(3000), `":"x","`)+`":1}`),
		"embedded":      decode(embeddedValue, `{"X":`+list("[]")+"}"),
		"deep": func() any {
			var n *chain
			for range 1000 {
				n = &chain{Next: n}
			}
			return n
		},
		"pointer to the first field": func() any {
			s := &first{}
			return []any{&s.A, s}
		},
		"part of a slice": func() any {
			s := texts(1000)
			return []any{s[:1:1], s[:1], s[:500:500], s}
		},
	} {
		const copies = 8
		var values [copies]any
		before := heap()
		for i := range values {
			values[i] = make()
		}
		want := (heap() - before) / copies
		got, ok := sizeof.Value(values[0], 1<<30)
		if !ok || got < want*9/10 || got > 3*want {
			t.Errorf("%s: got %d bytes and ok=%v, want ok=true and between 90%% and 300%% of the %d bytes on the heap", name, got, ok, want)
		}
		if limited, _ := sizeof.Value(values[0], 1000); limited <= 1000 {
			t.Errorf("%s: got %d bytes with a limit of 1,000 bytes, want more than the limit", name, limited)
		}
		runtime.KeepAlive(values)
	}
}

func names(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = "name" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
	}
	return texts
}

// texts returns pointers to n strings of 100 bytes each.
func texts(n int) []*[100]byte {
	list := make([]*[100]byte, n)
	for i := range list {
		list[i] = new([100]byte)
	}
	return list
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) //nolint:gosec // the heap of a test fits into an int
}

// TestValueOfSharedMemory requires that a cycle ends, and that memory behind unexported
// fields is not read.
func TestValueOfSharedMemory(t *testing.T) {
	root := &node{}
	root.Left, root.Right = &node{Parent: root}, &node{Parent: root}
	root.Left.Left, root.Left.Right = root.Right, root
	type loop []any
	self := loop{nil, nil}
	self[0], self[1] = self, self
	for _, row := range []struct {
		name  string
		value any
		want  int
	}{
		{"nil", nil, 0},
		{"number", 1, 16},
		{"text", "abc", 16 + 16},
		{"cycle", root, 3 * 24},
		{"slice that contains itself", self, 24 + 32 + 2*24},
		{"unexported text", struct{ text string }{"abc"}, 16 + 16},
		{"many values without a size", make([]struct{}, 1<<30), 24},
		{"time", time.Now(), 24},
		{"empty map", map[string]int{}, 48},
		{"map with one entry", map[string]int{"a": 1}, 48 + 8*25 + 16},
		{"nil pointer", (*node)(nil), 0},
		{"array", [2]string{"a", "b"}, 32 + 2*16},
	} {
		if got, ok := sizeof.Value(row.value, 1<<20); got != row.want || !ok {
			t.Errorf("%s: got %d bytes and ok=%v, want %d bytes and ok=true", row.name, got, ok, row.want)
		}
	}
	deep := any(0)
	for range 1 << 20 {
		deep = []any{deep}
	}
	if got, ok := sizeof.Value(deep, 1<<30); ok && got <= 1<<30 {
		t.Errorf("value that is too deep: got %d bytes, want more than the limit", got)
	}
}

// TestValueReadsNoSharedMemory has types whose values can share memory with other goroutines.
// Package deepcopy cannot copy such values, or they have a lock.
func TestValueReadsNoSharedMemory(t *testing.T) {
	texts := map[string]string{"a": "b"}
	type list []list
	type recursive struct {
		Next *recursive
		Lock *locked
	}
	for _, v := range []any{
		func() {}, make(chan int),
		shared{nil, texts},
		&shared{func() {}, texts},
		hidden{texts},
		hidden{},
		&locked{Shared: texts},
		[]locked{},
		map[string]*locked{},
		map[any]int{},
		map[*int]int{},
		[1]any{shared{nil, texts}},
		[]any{1, &locked{}},
		struct{ *base }{&base{}},
		map[string]any{"a": []any{hidden{}}},
		recursive{},
		big.NewInt(1),
		struct {
			Mu    sync.RWMutex
			Texts map[string]string
		}{},
		struct {
			state struct{ mu sync.Mutex }
			Texts map[string]string
		}{},
		struct {
			Texts map[string]string
			Count atomic.Pointer[int]
		}{},
	} {
		if got, ok := sizeof.Value(v, 1<<20); ok {
			t.Errorf("%T: got %d bytes and ok=true, want ok=false", v, got)
		}
	}
	for _, v := range []any{list{}, &node{}, outer{}, embedded{}, struct{ text string }{}, struct{ at time.Time }{}, map[[2]string]json.RawMessage{}} {
		if _, ok := sizeof.Value(v, 1<<20); !ok {
			t.Errorf("%T: got ok=false, want ok=true", v)
		}
	}
}

// TestValueCopies compares Value with package deepcopy for values of many types: Value reads
// only values that the package can copy.
func TestValueCopies(t *testing.T) {
	one := 1
	for _, v := range []any{
		&node{}, &node{Left: &node{}},
		outer{Any: []any{1}},
		embedded{base{[]any{1}}},
		hidden{map[string]string{}},
		shared{func() {}, nil},
		chain{Next: &chain{}},
		&first{}, func() {}, make(chan int),
		map[any]int{1: 1},
		map[*int]int{&one: 1},
		[]any{func() {}},
		[1]any{1},
		struct{ *base }{&base{}},
		struct{ text string }{"a"},
		struct{ list []int }{[]int{1}},
		struct{ at time.Time }{time.Now()},
		big.NewInt(1),
		struct{ Err error }{errors.New("x")},
		uintptr(1), &one,
		map[string]any{"a": hidden{map[string]string{}}},
	} {
		_, counted := sizeof.Value(v, 1<<20)
		if _, copied := deepcopy.Of(reflect.ValueOf(v)); counted && !copied {
			t.Errorf("%T: Value counts this value, but deepcopy.Of cannot copy it", v)
		}
	}
}
