//go:build !race

package metrics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/metrics"
)

// To count an event costs time and memory in proportion to its texts, for known and for made-up
// values of the labels. To count many different values costs time in proportion to their number.
func TestGrowthOfEvents(t *testing.T) {
	for name, event := range map[string]func(text string) bearer.Event{
		"route":     func(text string) bearer.Event { return bearer.Event{Transport: "http", Route: text} },
		"transport": func(text string) bearer.Event { return bearer.Event{Transport: text} },
		"issuer":    func(text string) bearer.Event { return bearer.Event{Transport: "http", Issuer: text} },
		"reason": func(text string) bearer.Event {
			return bearer.Event{Transport: "http", Reason: bearer.Reason(text)}
		},
	} {
		growth.Check(t, "length of a "+name, 1000, func(n int) func() {
			c, err := metrics.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			e := event(strings.Repeat("a", n))
			return func() { c.Observe(context.Background(), e) }
		})
		for _, allowed := range []int{0, 50} {
			growth.Check(t, fmt.Sprintf("number of %ss, %d issuers", name, allowed), 100, func(n int) func() {
				opts := &metrics.Options{MaxRoutes: 100}
				for i := range allowed {
					opts.Issuers = append(opts.Issuers, fmt.Sprintf("https://issuer%d.example", i))
				}
				events := make([]bearer.Event, n)
				for i := range events {
					events[i] = event(fmt.Sprintf("value %d", i))
				}
				c, err := metrics.New(opts)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 250 { // fill all places of the label
					c.Observe(context.Background(), event(fmt.Sprintf("place %d", i)))
				}
				return func() {
					for _, e := range events {
						c.Observe(context.Background(), e)
					}
				}
			})
		}
	}
}
