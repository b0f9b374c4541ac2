package sizeof_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

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
	locked struct{ shared map[string]string }
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
	anyValue, outerValue := func() any { return new(any) }, func() any { return new(outer) }
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
	} {
		const copies = 8
		var values [copies]any
		before := heap()
		for i := range values {
			values[i] = make()
		}
		want := (heap() - before) / copies
		got := sizeof.Value(values[0], 1<<30)
		if got < want*9/10 || got > 3*want {
			t.Errorf("%s: got %d bytes, want between 90%% and 300%% of the %d bytes on the heap", name, got, want)
		}
		if limited := sizeof.Value(values[0], 1000); limited <= 1000 {
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
		{"unexported map", locked{map[string]string{"a": strings.Repeat("x", 1000)}}, 8},
		{"time", time.Now(), 24},
		{"empty map", map[string]int{}, 48},
		{"map with one entry", map[string]int{"a": 1}, 48 + 8*25 + 16},
		{"nil pointer", (*node)(nil), 0},
		{"function", func() {}, 0},
		{"array", [2]string{"a", "b"}, 32 + 2*16},
	} {
		if got := sizeof.Value(row.value, 1<<20); got != row.want {
			t.Errorf("%s: got %d bytes, want %d", row.name, got, row.want)
		}
	}
}
