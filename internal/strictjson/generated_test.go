package strictjson_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// generator writes random JSON text. The names of an object have few different spellings, so
// that many objects have duplicate names.
type generator struct {
	*rand.Rand
	strings.Builder
}

// spellings are texts of names. Several spellings decode to the same name.
var spellings = []string{
	"a", `\u0061`, "b", `\u0062`, "ab", `a\u0062`, `\u0061b`, "", "iss", `i\u0073s`, "custom_claims", `custom\u005fclaims`, "é", `\u00e9`,
	`\ud83d\ude00`, "😀", `\n`, `\u000a`, `\\`, `\u005c`, `\/`, "/", `\"`, `\u0022`, "scope", "kid", "a:", "a,b", "{", "]", "n1", "n2", "n3", "n4",
}

func (g *generator) text() string { return spellings[g.IntN(len(spellings))] }

func (g *generator) space() { g.WriteString([]string{"", "", "", "", " ", "\n\t"}[g.IntN(6)]) }

func (g *generator) value(depth int) {
	switch n := g.IntN(10); {
	case n < 2 && depth > 0:
		g.object(depth, g.IntN(4))
	case n < 4 && depth > 0:
		g.WriteByte('[')
		for i := range g.IntN(4) {
			if i > 0 {
				g.WriteByte(',')
			}
			g.value(depth - 1)
		}
		g.WriteByte(']')
	case n < 7:
		g.WriteString(`"` + g.text() + g.text() + `"`)
	default:
		g.WriteString([]string{"1", "-2.5e3", "true", "false", "null", "0", "12345"}[g.IntN(7)])
	}
	g.space()
}

// object writes an object with n members.
func (g *generator) object(depth, n int) {
	g.WriteByte('{')
	for i := range n {
		if i > 0 {
			g.WriteByte(',')
		}
		g.space()
		g.WriteString(`"` + g.text() + []string{"", g.text() + g.text() + g.text()}[g.IntN(2)] + `"`)
		g.space()
		g.WriteByte(':')
		g.space()
		g.value(depth - 1)
	}
	g.WriteByte('}')
}

// TestReadGenerated compares Read with Parse for random objects, and for objects with one
// changed byte.
func TestReadGenerated(t *testing.T) {
	accepted, twice := 0, 0
	for i := range 20000 {
		seed := rand.Uint64()                                 //nolint:gosec // the test needs no secret numbers
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // the test needs no secret numbers
		g.object(4, []int{1, 2, 4, 8, 70}[i%5])
		text := []byte(g.String())
		if i%8 == 0 {
			const changes = "\"\\{}[]:,a1u0 \n\x80"
			text[g.IntN(len(text))] = changes[g.IntN(len(changes))]
		}
		object, want := strictjson.Parse(text)
		var record strictjson.Record
		err := record.Read(text)
		if (err == nil) != (want == nil) || record.Len() != len(object) {
			t.Fatalf("seed %d: %s: got error %v and %d members, want error %v and %d members", seed, text, err, record.Len(), want, len(object))
		}
		if err != nil {
			if strings.Contains(err.Error(), "twice") {
				twice++
			}
			continue
		}
		accepted++
		compareRecord(t, &record, object)
		for _, m := range object {
			compareNested(t, m.Value)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, text)
		}
	}
	if accepted < 1000 || twice < 1000 {
		t.Errorf("got %d accepted objects and %d objects with duplicate names, want at least 1,000 of each", accepted, twice)
	}
}
