package growth_test

import (
	"fmt"
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

func (*recorder) Helper()             {}
func (*recorder) Logf(string, ...any) {}
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

// Check finds work that grows faster than its input, and permits linear work.
func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		work func(n int)
		want string // the begin of the errors; "" means no error
	}{
		"linear time":           {func(n int) { compute(n * 1000) }, ""},
		"linear allocations":    {allocate, ""},
		"quadratic time":        {func(n int) { compute(n * n) }, "name: processor time grows"},
		"quadratic allocations": {func(n int) { allocate(n * n / 16) }, "name: allocations grow"},
		"a jump at the largest": {func(n int) {
			if n > 1<<11 {
				allocate(4 * n)
			}
			allocate(n)
		}, "name: allocations grow"},
	} {
		t.Run(name, func(t *testing.T) {
			if testkit.RaceEnabled && strings.Contains(tt.want, "time") {
				t.Skip("Check does not compare the processor time while the race detector is on")
			}
			r := &recorder{TB: t}
			growth.Check(r, "name", 256, func(n int) func() { return func() { tt.work(n) } })
			found := 0
			for _, e := range r.errors {
				if strings.HasPrefix(e, tt.want) {
					found++
				}
			}
			if tt.want == "" && len(r.errors) > 0 || tt.want != "" && found == 0 {
				t.Errorf("errors: got %q, want %q", r.errors, tt.want)
			}
		})
	}
}
