package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/metrics"
)

// TestBadOptions wants everything that is wrong said at once.
func TestBadOptions(t *testing.T) {
	_, err := metrics.New(&metrics.Options{Issuers: []string{"", "https://a.example", "other", "https://a.example"}, MaxRoutes: -1})
	testkit.WantError(t, "New", err, `Options.Issuers: "": not the name`, `Options.Issuers: "other": not the name`,
		`Options.Issuers: "https://a.example": twice`, `Options.MaxRoutes: -1: negative`)
}

// TestBadSources wants clear errors, and nothing watched by half.
func TestBadSources(t *testing.T) {
	a := &source{[]bearer.IssuerStatus{healthy("https://a.example")}}
	c, registry := newCollector(t, &metrics.Options{Issuers: []string{"https://a.example"}})
	var none *bearer.JWTVerifier
	testkit.WantError(t, "nil", c.Watch(nil, none, a), "source 1 is nil", "source 2 is nil")
	testkit.WantError(t, "twice", c.Watch(a, a), "source 2 is there twice")
	testkit.WantError(t, "unknown issuer", c.Watch(&source{[]bearer.IssuerStatus{healthy("https://b.example")}}),
		`issuer "https://b.example" is not among Options.Issuers`)
	if text := exposed(t, registry); text != "" {
		t.Errorf("got something watched:\n%s", text)
	}
	if err := c.Watch(a); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, "again", c.Watch(a), "source 1 is watched already")
	// An issuer that comes later and was not declared is left out, not labelled.
	a.issuers = append(a.issuers, healthy("https://late.example"))
	if text := exposed(t, registry); strings.Contains(text, "late.example") || !strings.Contains(text, "https://a.example") {
		t.Errorf("got\n%s\nwant a.example and no late.example", text)
	}
}

// TestRegisteredTwice wants the registry's own clear error, of the same Collector
// and of another one.
func TestRegisteredTwice(t *testing.T) {
	c, registry := newCollector(t, nil)
	again, err := metrics.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, collector := range []prometheus.Collector{c, again} {
		err := registry.Register(collector)
		if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok || already.ExistingCollector != c {
			t.Errorf("got %v, want an AlreadyRegisteredError with the first one", err)
		}
	}
}

// TestNilCollector wants no panic in a request.
func TestNilCollector(t *testing.T) {
	var c *metrics.Collector
	c.Observe(context.Background(), bearer.Event{})
	new(metrics.Collector).Observe(context.Background(), bearer.Event{})
	_, err := bearer.New(bearer.Config{Observer: c})
	testkit.WantError(t, "bearer.New", err, "Config.Observer: a nil *metrics.Collector")
}
