package tracing

import (
	"fmt"
	"slices"
)

func (t Tracer) text() string {
	names := make([]string, 0, len(t.claims))
	for _, c := range t.claims {
		names = append(names, c.name)
	}
	slices.Sort(names)
	return fmt.Sprintf("tracing.Tracer{Claims: %q}", names)
}

// Format implements [fmt.Formatter]. Every verb prints the names of the claims.
func (t Tracer) Format(s fmt.State, verb rune) {
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), t.text())
}

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (t Tracer) MarshalText() ([]byte, error) { return []byte(t.text()), nil }
