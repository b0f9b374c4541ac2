package metrics

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bearerkit/bearer/internal/quote"
)

// Format implements [fmt.Formatter]. Every verb prints the allowed issuers and the number of
// sources and routes.
func (c *Collector) Format(s fmt.State, verb rune) {
	text := "<nil>"
	if c != nil {
		c.mu.Lock()
		sources, routes := len(c.sources), len(c.routes.values)
		c.mu.Unlock()
		text = quote.Struct("metrics.Collector", "Issuers", slices.Sorted(maps.Keys(c.allowed)), "Sources", sources, "Routes", routes)
	}
	quote.Print(s, verb, text)
}
