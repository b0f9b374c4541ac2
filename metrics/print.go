package metrics

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bearerkit/bearer/internal/quote"
)

func (c *Collector) text() string {
	text := "<nil>"
	if c != nil {
		c.mu.Lock()
		sources, routes := len(c.sources), len(c.routes.values)
		c.mu.Unlock()
		text = quote.Struct("metrics.Collector", "Issuers", slices.Sorted(maps.Keys(c.allowed)), "Sources", sources, "Routes", routes)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the allowed issuers and the number of
// sources and routes.
func (c *Collector) Format(s fmt.State, verb rune) { quote.Print(s, verb, c.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (c *Collector) MarshalText() ([]byte, error) { return []byte(c.text()), nil }
