package bearer_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestLargeNumbers tests what the comments of JSON, Decode and Value say about integers beyond
// 2^53: a value of type any rounds them, and every other way is exact.
func TestLargeNumbers(t *testing.T) {
	type deployer struct {
		Signed   int64           `json:"id"`
		Unsigned uint64          `json:"largest"`
		Text     json.RawMessage `json:"both"`
		Any      any             `json:"any"`
	}
	const id, largest = 1<<53 + 1, uint64(1<<64 - 1)
	c, err := bearer.Profile{}.Claims([]byte(`{"id":9007199254740993,"largest":18446744073709551615,"both":9007199254740993,"any":9007199254740993}`))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := c.Value("id")
	custom, err := bearer.JSON[deployer]([]byte(`{"id":9007199254740993,"largest":18446744073709551615,"both":9007199254740993,"any":9007199254740993}`))
	if err != nil {
		t.Fatal(err)
	}
	var decoded deployer
	if err := c.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	viaAny := map[string]any{}
	texts := map[string]json.RawMessage{}
	if err := c.Decode(&viaAny); err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(&texts); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]any{"JSON": custom, "Decode": decoded} {
		d, ok := d.(deployer)
		if !ok || d.Signed != id || d.Unsigned != largest || string(d.Text) != strconv.FormatInt(id, 10) || d.Any != float64(1<<53) {
			t.Errorf("%s: got %+v, want exact numbers in all fields but Any, and 2^53 in Any", name, d)
		}
	}
	if string(text) != strconv.FormatInt(id, 10) || string(texts["largest"]) != strconv.FormatUint(largest, 10) || viaAny["id"] != float64(1<<53) {
		t.Errorf("got text %s, texts %s and values %v, want exact texts, and 2^53 in the map of any", text, texts, viaAny)
	}
}
