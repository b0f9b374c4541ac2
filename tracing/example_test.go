package tracing_test

import (
	"context"
	"fmt"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/tracing"
)

// The tracer adds the verdict to the span of the request. It also makes a span for each key
// fetch.
func ExampleNew() {
	issuer := bearertest.NewIssuer(nil) // stands for your issuer
	defer issuer.Close()
	exporter := tracetest.NewInMemoryExporter() // stands for your OpenTelemetry collector
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter))

	tracer, err := tracing.New(&tracing.Options{Claims: []string{"client_id"}, TracerProvider: provider})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := jwks.Discover(issuer.URL(), &jwks.Options{Observe: tracer.ObserveKeys})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}, Keys: keys, Observer: tracer})
	if err != nil {
		fmt.Println(err)
		return
	}

	// In a service, otelhttp or otelgrpc starts this span before the guard runs.
	ctx, span := provider.Tracer("example").Start(context.Background(), "GET /deployments")
	_, _ = v.Verify(ctx, issuer.Token(map[string]any{"aud": "billing-api"}))
	span.End()

	for _, s := range exporter.GetSpans() {
		if s.Name != "GET /deployments" {
			continue
		}
		for _, a := range s.Attributes {
			if a.Key == "bearer.reason" || a.Key == "bearer.result" {
				fmt.Println(a.Key, a.Value.AsString())
			}
		}
	}
	// Output:
	// bearer.result refused
	// bearer.reason audience
}
