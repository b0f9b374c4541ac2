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

// TestBadOptions checks that the error of New lists every mistake in the options.
func TestBadOptions(t *testing.T) {
	_, err := metrics.New(&metrics.Options{Issuers: []string{"", "https://a.example", "other", "none", "https://a.example"}, MaxRoutes: -1, MaxIssuers: -1})
	testkit.WantError(t, "New", err, `Options.Issuers: "": want the identifier`, `Options.Issuers: "other": want the identifier`, `Options.Issuers: "none": want the identifier`,
		`Options.Issuers: "https://a.example": listed twice`, `Options.MaxRoutes: -1: must not be negative`,
		`Options.MaxIssuers: -1: must not be negative`)
	_, err = metrics.New(&metrics.Options{Issuers: []string{"https://a.example", "https://b.example"}, MaxIssuers: 1})
	testkit.WantError(t, "New", err, `Options.MaxIssuers: 1: Options.Issuers lists 2 issuers; increase MaxIssuers or leave it zero`)
}

// TestBadSources checks the errors of Watch. If Watch returns an error, it must not add a
// source.
func TestBadSources(t *testing.T) {
	a := &source{[]bearer.IssuerStatus{healthy("https://a.example")}}
	c, registry := newCollector(t, &metrics.Options{Issuers: []string{"https://a.example"}})
	var none *bearer.JWTVerifier
	testkit.WantError(t, "nil sources", c.Watch(nil, none, a), "source 1 is nil", "source 2 is nil")
	testkit.WantError(t, "repeated source", c.Watch(a, a), "source 2 is passed twice")
	testkit.WantError(t, "unknown issuer", c.Watch(&source{[]bearer.IssuerStatus{healthy("https://b.example")}}),
		`issuer "https://b.example" is not in Options.Issuers`)
	if text := exposed(t, registry); text != "" {
		t.Errorf("after failed calls of Watch: got metrics\n%s\nwant no metrics", text)
	}
	if err := c.Watch(a); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, "source that is already watched", c.Watch(a), "source 1 is already watched")
	// An issuer that is added after Watch and is not in Options.Issuers must get no series.
	a.issuers = append(a.issuers, healthy("https://late.example"))
	if text := exposed(t, registry); strings.Contains(text, "late.example") || !strings.Contains(text, "https://a.example") {
		t.Errorf("got metrics\n%s\nwant metrics of a.example and no metrics of late.example", text)
	}
}

// TestRegisteredTwice checks the errors of a registry that already contains a Collector. The
// registry must return an error for the same Collector and for any other Collector.
func TestRegisteredTwice(t *testing.T) {
	c, registry := newCollector(t, nil)
	second, err := metrics.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, collector := range []prometheus.Collector{c, second} {
		err := registry.Register(collector)
		if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok || already.ExistingCollector != c {
			t.Errorf("got %v, want an AlreadyRegisteredError with the first Collector", err)
		}
	}
}

// TestNilCollector checks that Observe of a nil Collector and of a zero Collector does not
// panic. It also checks that bearer.New returns an error for a nil Collector.
func TestNilCollector(t *testing.T) {
	var c *metrics.Collector
	c.Observe(context.Background(), bearer.Event{})
	new(metrics.Collector).Observe(context.Background(), bearer.Event{})
	_, err := bearer.New(bearer.Config{Observer: c})
	testkit.WantError(t, "bearer.New", err, "Config.Observer: a nil *metrics.Collector")
}
