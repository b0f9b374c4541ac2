package metrics_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/metrics"
)

// The collector counts the verdicts of the verifier, and exports the state of the verifier's
// keys. In a service, promhttp serves the metrics of the registry.
func ExampleNew() {
	issuer := bearertest.NewIssuer(nil) // stands for your issuer
	defer issuer.Close()

	collector, err := metrics.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}, Observer: collector})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	if err := collector.Watch(v); err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector); err != nil {
		fmt.Println(err)
		return
	}

	for _, audience := range []string{"deployment-api", "deployment-api", "billing-api"} {
		_, _ = v.Verify(context.Background(), issuer.Token(map[string]any{"aud": audience}))
	}

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, family := range families {
		if family.GetName() == "bearer_requests_total" {
			for _, m := range family.GetMetric() {
				fmt.Println(m.Label[1].GetName(), m.Label[1].GetValue(), m.Counter.GetValue())
			}
		}
	}
	// Output:
	// reason audience 1
	// reason none 2
}
