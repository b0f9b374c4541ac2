package scopes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestManyNames compares sets and rules of many names with plain lists of names.
func TestManyNames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the test needs the same numbers in each run
	pick := func() []string {
		names := make([]string, random.IntN(40))
		for i := range names {
			names[i] = fmt.Sprintf("scope:%02d", random.IntN(30))
		}
		return names
	}
	for range 3000 {
		granted, wanted := pick(), pick()
		set, err := scopes.Parse(strings.Join(granted, " "))
		if err != nil {
			t.Fatal(err)
		}
		var different []string
		for _, name := range granted {
			if !slices.Contains(different, name) {
				different = append(different, name)
			}
		}
		if got := slices.Collect(set.All()); !slices.Equal(got, different) || set.Len() != len(different) {
			t.Fatalf("Parse of %q: got scopes %q, want %q", granted, got, different)
		}
		all, some := true, false
		for _, name := range wanted {
			has := slices.Contains(granted, name)
			all, some = all && has, some || has
			if set.Has(name) != has {
				t.Errorf("Set of %q: Has(%s): got %v, want %v", granted, name, !has, has)
			}
		}
		if err := scopes.All(wanted...).Allow(t.Context(), set); (err == nil) != all {
			t.Errorf("All(%[2]q), granted scopes %[1]q: got allowed = %[3]v, want %[4]v; error: %[5]v", granted, wanted, err == nil, all, err)
		}
		if err := scopes.Any(wanted...).Allow(t.Context(), set); (err == nil) != some {
			t.Errorf("Any(%[2]q), granted scopes %[1]q: got allowed = %[3]v, want %[4]v; error: %[5]v", granted, wanted, err == nil, some, err)
		}
	}
}

// TestHashCollisions looks up 1,048,576 names that a set of 65,536 names does not contain.
// About 16 of the names share the upper half of their hash with a name of the set.
func TestHashCollisions(t *testing.T) {
	names := make([]string, 1<<16)
	for i := range names {
		names[i] = "granted:" + strconv.Itoa(i)
	}
	set, err := scopes.Of(names...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 20 {
		if name := "wanted:" + strconv.Itoa(i); set.Has(name) {
			t.Fatalf("Has(%s): got true, want false", name)
		}
	}
	if last := names[len(names)-1]; !set.Has(last) {
		t.Errorf("Has(%s): got false, want true", last)
	}
}
