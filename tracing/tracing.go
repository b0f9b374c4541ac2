// Package tracing adds verdicts and key fetches to OpenTelemetry traces. It is a separate
// module, so that users of the other packages do not depend on OpenTelemetry.
//
// A [Tracer] is a [bearer.Observer] that adds each verdict, the outcome of one request, to
// the span of the request. Its method ObserveKeys adds a span for each key fetch:
//
//	tracer, err := tracing.New(&tracing.Options{Claims: []string{"client_id"}})
//	keys, err := jwks.Discover(issuer, &jwks.Options{Observe: tracer.ObserveKeys})
//	v, err := bearer.New(bearer.Config{ ..., Keys: keys, Observer: tracer})
//
// otelhttp or otelgrpc must run before the guard: it starts the span of the request and puts
// the span into the context of the request. The Tracer sets these attributes of the span:
//
//	bearer.result      "allowed", "refused", "reported" (allowed only because of
//	                   report-only mode) or "abandoned" (the request was canceled or
//	                   timed out while it waited for keys)
//	bearer.reason      a bearer.Reason, if the result is "refused" or "reported"
//	bearer.issuer      the configured issuer, if the token names one
//	bearer.cache_hit   whether the token was in the cache of verified tokens
//	bearer.claim.NAME  the claims in Options.Claims, for verified tokens only
//
// For the results "refused" and "reported", the Tracer also adds an event "bearer.refused"
// with the result and the reason to the span.
//
// The span of a key fetch is named "bearer.keys.refresh". It is the root of its own trace,
// because several requests may wait for one fetch. If a request caused the fetch, the span
// has a link to the span of this request. The span of the fetch has these attributes:
//
//	bearer.issuer        the configured issuer
//	bearer.keys.result   "refreshed", "not_modified" or "refresh_failed"
//	bearer.keys.usable   the number of usable keys, unless the fetch failed
//	bearer.keys.skipped  the number of keys that cannot be used, unless the fetch failed
//
// Spans contain no other part of a token. They also contain no error texts, because these
// may quote claims.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// Options configures a Tracer. With the zero Options, and with nil, spans contain no claims
// and come from the global provider.
type Options struct {
	// Claims lists the names of the claims that spans contain, for verified tokens only.
	// Only strings, numbers and booleans at the top level of the claims set are shown, each
	// as a string of at most 256 bytes. Do not list claims with personal data that must not
	// be in traces. An empty name and a repeated name are errors. Nil means no claims.
	Claims []string
	// TracerProvider makes the spans of key fetches. Nil means the global provider.
	TracerProvider trace.TracerProvider
}

// Tracer is a [bearer.Observer] that writes to OpenTelemetry spans. [New] returns one. A
// Tracer is safe for concurrent use. A nil Tracer does nothing.
type Tracer struct {
	tracer trace.Tracer
	claims []claim
}

// claim has the name of a claim and the key of the claim's attribute.
type claim struct {
	name string
	key  attribute.Key
}

const (
	keyResult   = attribute.Key("bearer.result")
	keyReason   = attribute.Key("bearer.reason")
	keyIssuer   = attribute.Key("bearer.issuer")
	keyCacheHit = attribute.Key("bearer.cache_hit")
	keyKeys     = attribute.Key("bearer.keys.usable")
	keySkipped  = attribute.Key("bearer.keys.skipped")
	keyRefresh  = attribute.Key("bearer.keys.result")
)

// maxValue is the maximum length of a claim's value in a span, in bytes.
const maxValue = 256

// New returns a Tracer. The error lists everything that is wrong with opts.
func New(opts *Options) (*Tracer, error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	t := &Tracer{}
	for i, name := range opts.Claims {
		if name == "" || slices.Contains(opts.Claims[:i], name) {
			errs = append(errs, fmt.Errorf("tracing: Options.Claims: %q: must not be empty or listed twice", name))
		}
		t.claims = append(t.claims, claim{name, attribute.Key("bearer.claim." + name)})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	provider := opts.TracerProvider
	if provider == nil {
		provider = otel.GetTracerProvider()
	}
	t.tracer = provider.Tracer("github.com/bearerkit/bearer/tracing")
	return t, nil
}

// Observe implements [bearer.Observer]: it adds the verdict to the span in ctx. If the span
// is not recorded, Observe does nothing.
func (t *Tracer) Observe(ctx context.Context, e bearer.Event) {
	span := trace.SpanFromContext(ctx)
	if t == nil || !span.IsRecording() {
		return
	}
	result, reason := "allowed", string(e.Reason)
	switch {
	case e.Abandoned(ctx):
		result, reason = "abandoned", ""
	case e.Reason != "":
		result = "refused"
	case e.Err != nil:
		result, reason = "reported", string(bearer.Internal)
		if refusal, ok := errors.AsType[*bearer.Error](e.Err); ok {
			reason = string(refusal.Reason)
		}
	}
	attributes := make([]attribute.KeyValue, 0, 4+len(t.claims))
	attributes = append(attributes, keyResult.String(result), keyCacheHit.Bool(e.CacheHit))
	if e.Issuer != "" {
		attributes = append(attributes, keyIssuer.String(e.Issuer))
	}
	if reason != "" {
		attributes = append(attributes, keyReason.String(reason))
		span.AddEvent("bearer.refused", trace.WithAttributes(keyResult.String(result), keyReason.String(reason)))
	}
	if e.Claims != nil {
		for _, c := range t.claims {
			if value, ok := e.Claims.Value(c.name); ok {
				attributes = appendClaim(attributes, c.key, value)
			}
		}
	}
	span.SetAttributes(attributes...)
}

// appendClaim appends a claim if its value is a string, a number or a boolean.
func appendClaim(to []attribute.KeyValue, key attribute.Key, value []byte) []attribute.KeyValue {
	text := string(value)
	switch jsontext.Value(value).Kind() {
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return to
		}
		text = string(unquoted)
	case '0', 't', 'f':
	default:
		return to // an object, an array or null
	}
	return append(to, key.String(strings.ToValidUTF8(text[:min(len(text), maxValue)], "")))
}

// ObserveKeys makes a span for each key fetch, when the fetch has ended. Set it as
// [jwks.Options].Observe.
func (t *Tracer) ObserveKeys(e jwks.Event) {
	if t == nil {
		return
	}
	switch e.Kind {
	case jwks.Refreshed, jwks.NotModified, jwks.RefreshFailed:
	default:
		return
	}
	end := time.Now()
	opts := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-e.Duration)),
		trace.WithAttributes(keyIssuer.String(e.Issuer), keyRefresh.String(string(e.Kind))),
	}
	if e.Cause != nil {
		if cause := trace.SpanContextFromContext(e.Cause); cause.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: cause}))
		}
	}
	_, span := t.tracer.Start(context.Background(), "bearer.keys.refresh", opts...)
	if e.Err != nil {
		// e.Err is not shown, because it contains URLs, and URLs may contain secrets.
		span.SetStatus(codes.Error, "refreshing the keys failed")
	} else {
		span.SetAttributes(keyKeys.Int(e.Keys), keySkipped.Int(e.SkippedCount))
	}
	span.End(trace.WithTimestamp(end))
}
