package growth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/internal/testkit"
)

// recorder is a test that records its errors.
type recorder struct {
	testing.TB
	errors []string
}

func (*recorder) Helper()    {}
func (*recorder) Log(...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

var sink any // keeps the compiler from removing work

// compute takes processor time in proportion to n.
func compute(n int) {
	sum := 1
	for i := range n {
		sum = sum*31 + i
	}
	sink = sum
}

// allocate makes n allocations.
func allocate(n int) {
	for range n {
		sink = new([16]byte)
	}
}

// search returns work that finds each of n names in a sorted list of n names, in an order that is
// not sorted.
func search(n int) func() {
	sorted, order := make([]string, n), make([]string, n)
	for i := range n {
		sorted[i] = fmt.Sprintf("%08x", uint32(i)*2654435761)
	}
	copy(order, sorted)
	slices.Sort(sorted)
	return func() {
		found := 0
		for _, name := range order {
			i, _ := slices.BinarySearch(sorted, name)
			found += i
		}
		sink = found
	}
}

// compare returns work that finds each of n names in a list of n names that is not sorted.
func compare(n int) func() {
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("%08x", uint32(i)*2654435761)
	}
	return func() {
		found := 0
		for _, name := range names {
			found += slices.Index(names, name)
		}
		sink = found
	}
}

// Work with n log n steps passes, although its time in a batch can grow by more than a factor of
// three, because a processor predicts all branches of a small input. Quadratic comparisons of the
// same names do not pass.
func TestCheckPredictedBranches(t *testing.T) {
	for _, size := range []int{50, 100, 200} {
		r := &recorder{TB: t}
		growth.Check(r, "search", size, search)
		if len(r.errors) > 0 {
			t.Errorf("binary search, size %d: got the errors %q, want none", size, r.errors)
		}
	}
	if testkit.RaceEnabled {
		return // Check compares only the number of allocations
	}
	for _, size := range []int{10, 25, 50} {
		r := &recorder{TB: t}
		growth.Check(r, "compare", size, compare)
		if len(r.errors) == 0 {
			t.Errorf("quadratic comparisons, size %d: got no error, want one", size)
		}
	}
}

// Check finds work that grows faster than its input, and permits linear work.
func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		work func(n int)
		want string // a part of the error; "" means no error
	}{
		"linear time":           {func(n int) { compute(n * 4000) }, ""},
		"linear allocations":    {func(n int) { allocate(4 * n) }, ""},
		"quadratic time":        {func(n int) { compute(8 * n * n) }, "processor time grows"},
		"short quadratic time":  {func(n int) { compute(n * n / 64) }, "processor time grows"},
		"a quadratic part":      {func(n int) { compute(8 * n * (50 + n)) }, "processor time grows"},
		"quadratic bytes":       {func(n int) { sink = make([]byte, n*n/4) }, "allocated bytes grow"},
		"quadratic allocations": {func(n int) { allocate(n * n / 4) }, "allocations grow"},
		"a jump at the largest": {func(n int) {
			if n > 1<<9 {
				allocate(16 * n)
			}
			allocate(4 * n)
		}, "allocations grow"},
	} {
		t.Run(name, func(t *testing.T) {
			if testkit.RaceEnabled && tt.want != "" && !strings.Contains(tt.want, "allocations") {
				t.Skip("Check compares only the number of allocations while the race detector is on")
			}
			r := &recorder{TB: t}
			growth.Check(r, "name", 64, func(n int) func() { return func() { tt.work(n) } })
			found := 0
			for _, e := range r.errors {
				if strings.Contains(e, tt.want) {
					found++
				}
			}
			if tt.want == "" && len(r.errors) > 0 || tt.want != "" && found == 0 {
				t.Errorf("errors: got %q, want %q", r.errors, tt.want)
			}
		})
	}
}
