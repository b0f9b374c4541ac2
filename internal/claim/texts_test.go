package claim_test

import (
	"fmt"
	"testing"

	"github.com/bearerkit/bearer/internal/claim"
)

// A long list of texts gives the same results as a short list.
func TestTexts(t *testing.T) {
	short := []string{"a", "é", "a/b", "\U0001f600", ""}
	long := append([]string{}, short...)
	for i := range 20 {
		long = append(long, fmt.Sprint("other", i))
	}
	for _, row := range []struct {
		value     string
		found, ok bool
	}{
		{`"a"`, true, true},
		{`"\u0061"`, true, true},
		{`"b"`, false, true},
		{`"\u0062"`, false, true},
		{`"a "`, false, true},
		{`""`, true, true},
		{`"\u00e9"`, true, true},
		{`"é"`, true, true},
		{`"a\/b"`, true, true},
		{`"\ud83d\ude00"`, true, true},
		{`"\ud83d\ude01"`, false, true},
		{`["b","c","a"]`, true, true},
		{`["b", "c", "\u0061"]`, true, true},
		{`["b","\u0063"]`, false, true},
		{`["a",1]`, false, false},
		{`[1,"a"]`, false, false},
		{`[["a"]]`, false, false},
		{`[]`, false, true},
		{`{"a":"a"}`, false, false},
		{`null`, false, false},
		{`1`, false, false},
		{``, false, false},
	} {
		for _, list := range [][]string{short, long} {
			texts := claim.NewTexts(list)
			if found, ok := texts.Find(row.value); found != row.found || ok != row.ok {
				t.Errorf("%d texts, Find(%s): got %v, %v, want %v, %v", len(list), row.value, found, ok, row.found, row.ok)
			}
		}
		var none claim.Texts
		if found, ok := none.Find(row.value); found || ok != row.ok {
			t.Errorf("no texts, Find(%s): got %v, %v, want false, %v", row.value, found, ok, row.ok)
		}
	}
}
