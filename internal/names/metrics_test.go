package names_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
)

// reporter is a source with a fixed status.
type reporter []bearer.IssuerStatus

func (r reporter) Status() []bearer.IssuerStatus { return r }

// gathered returns all metrics of a real registry. The Collector has counted at least one event for
// each value of the labels with a closed set of values.
func gathered(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	keys := &jwks.Status{Ready: true, KeySetHash: "00000000002a9999", ConfirmedAt: now, LastSuccess: now, LastAttempt: now, Age: time.Second, MaxStale: time.Hour}
	c, err := metrics.New(&metrics.Options{MaxIssuers: 1, MaxRoutes: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Watch(reporter{{Issuer: "https://a.example", Keys: keys}}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, transport := range []string{"http", "grpc", ""} {
		for _, route := range []string{"", "GET /x", "GET /y"} {
			for _, issuer := range []string{"https://a.example", "https://b.example", ""} {
				e := bearer.Event{Transport: transport, Route: route, Issuer: issuer}
				c.Observe(t.Context(), e)
				e.CacheHit = true
				c.Observe(t.Context(), e)
				e.CacheHit, e.Err = false, &bearer.Error{Reason: bearer.MissingScope}
				c.Observe(t.Context(), e)
				for _, reason := range reasons(t) {
					e.Reason = reason
					c.Observe(t.Context(), e)
					c.Observe(ended, e)
				}
			}
		}
	}
	for i := range 10 {
		c.Observe(t.Context(), bearer.Event{Transport: "transport" + string(rune('0'+i))})
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// metricNames returns the metrics with their types, their labels, and the values of labels. It
// leaves out values that the test has chosen, for example of the label "route".
func metricNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, family := range gathered(t) {
		names.add("metric", family.GetName(), strings.ToLower(family.GetType().String()))
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				names.add("metric label", family.GetName(), label.GetName())
				if value := label.GetValue(); value != "" && !strings.ContainsAny(value, " /") && !strings.HasPrefix(value, "transport") {
					names.add("metric value", family.GetName(), label.GetName()+"="+value)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// alertNames returns the alerts and the recording rules in metrics/rules.yml.
func alertNames(t *testing.T) list {
	t.Helper()
	text, err := os.ReadFile(repository + "metrics/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Record, Alert       string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var names list
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Record != "" {
				names.add("recording rule", rule.Record)
				continue
			}
			names.add("alert", rule.Alert)
			for name, value := range rule.Labels {
				names.add("alert label", rule.Alert, name+"="+value)
			}
			for name := range rule.Annotations {
				names.add("alert annotation", rule.Alert, name)
			}
		}
	}
	return names
}
