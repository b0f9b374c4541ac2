package tracing

import (
	"fmt"
	"slices"
)

// Format implements [fmt.Formatter]. Every verb prints the names of the claims.
func (t Tracer) Format(s fmt.State, verb rune) {
	names := make([]string, 0, len(t.claims))
	for _, c := range t.claims {
		names = append(names, c.name)
	}
	slices.Sort(names)
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), fmt.Sprintf("tracing.Tracer{Claims: %q}", names))
}
