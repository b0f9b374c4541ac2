// Package tracing adds verdicts and key fetches to OpenTelemetry traces. The package is a
// separate module, so that users of the other packages do not depend on OpenTelemetry. This
// command adds it to your module:
//
//	go get github.com/bearerkit/bearer/tracing@latest
//
// A verdict is the outcome of one request. A [Tracer] is a [bearer.Observer] that adds each
// verdict to the span of the request. [Tracer.ObserveKeys] makes a span for each key fetch:
//
//	tracer, err := tracing.New(&tracing.Options{Claims: []string{"client_id"}})
//	keys, err := jwks.Discover(issuer, &jwks.Options{Observe: tracer.ObserveKeys})
//	v, err := bearer.New(bearer.Config{ ..., Keys: keys, Observer: tracer})
//
// otelhttp or otelgrpc must run before the guard, because otelhttp and otelgrpc start the
// span of the request and put the span into the context of the request. The Tracer sets
// these attributes of the span:
//
//	bearer.result      "allowed", "refused", "reported" or "abandoned"
//	bearer.reason      a bearer.Reason, if the result is "refused" or "reported"
//	bearer.signature   "not_verified", if bearer.Event.Unverified is true
//	bearer.issuer      the configured issuer, if the token names a configured issuer
//	bearer.cache_hit   true if the token was in the cache of verified tokens, else false
//	bearer.claim.NAME  a claim in Options.Claims, if the token was verified
//
// The result "reported" means that the request was allowed only because the rule is in
// report-only mode. The result "abandoned" means that the request was canceled or timed out
// while it waited for keys. If the result is "refused" or "reported", the Tracer also adds an
// event "bearer.refused" to the span. The event has the attributes bearer.result and
// bearer.reason.
//
// The span of a key fetch is named "bearer.keys.refresh". The span is the root of its own
// trace, because several requests may wait for one fetch. If a request caused the fetch, the
// span has a link to the span of this request. The span of a key fetch has these attributes:
//
//	bearer.issuer        the configured issuer
//	bearer.keys.result   "refreshed", "not_modified" or "refresh_failed"
//	bearer.keys.usable   the number of usable keys, if the fetch succeeded
//	bearer.keys.skipped  the number of elements of the key set that cannot be used, if the
//	                     fetch succeeded
//
// Apart from these attributes, spans contain no part of a token. Spans contain no error texts,
// because error texts may quote claims.
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

// Options configures a Tracer. If the Options are nil or zero, spans contain no claims, and
// the global provider makes the spans of key fetches.
type Options struct {
	// Claims lists the names of the claims that spans contain if the token was verified. The
	// claim must be at the top level of the claims set. Its value must be a string, a number
	// or a boolean; other claims are left out. The span contains the value as a string, which
	// is cut at 256 bytes. Do not list claims with personal
	// data that must not be in traces. If a name is empty or repeated, New returns an error.
	// Nil means no claims.
	Claims []string
	// TracerProvider makes the spans of key fetches. Nil means the global provider.
	TracerProvider trace.TracerProvider
}

// Tracer is a [bearer.Observer] that writes to OpenTelemetry spans. Call [New] to create a
// Tracer. A Tracer is safe for concurrent use. A nil Tracer does nothing.
type Tracer struct {
	tracer trace.Tracer
	claims []claim
}

// claim contains the name of a claim and the key of the attribute for this claim.
type claim struct {
	name string
	key  attribute.Key
}

const (
	keyResult    = attribute.Key("bearer.result")
	keyReason    = attribute.Key("bearer.reason")
	keySignature = attribute.Key("bearer.signature")
	keyIssuer    = attribute.Key("bearer.issuer")
	keyCacheHit  = attribute.Key("bearer.cache_hit")
	keyKeys      = attribute.Key("bearer.keys.usable")
	keySkipped   = attribute.Key("bearer.keys.skipped")
	keyRefresh   = attribute.Key("bearer.keys.result")
)

// maxValue is the maximum length of a claim's value in a span, in bytes.
const maxValue = 256

// New returns a Tracer. The error lists all invalid fields of opts.
func New(opts *Options) (*Tracer, error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	t := &Tracer{}
	for i, name := range opts.Claims {
		if name == "" || slices.Contains(opts.Claims[:i], name) {
			errs = append(errs, fmt.Errorf("tracing: Options.Claims: %q: must not be empty or repeated", name))
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

// Observe implements [bearer.Observer]: it adds the verdict to the span in ctx. If ctx has no
// span, or if the span is not recorded, Observe does nothing.
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
	attributes := make([]attribute.KeyValue, 0, 5+len(t.claims))
	attributes = append(attributes, keyResult.String(result), keyCacheHit.Bool(e.CacheHit))
	if e.Issuer != "" {
		attributes = append(attributes, keyIssuer.String(e.Issuer))
	}
	if reason != "" {
		attributes = append(attributes, keyReason.String(reason))
		span.AddEvent("bearer.refused", trace.WithAttributes(keyResult.String(result), keyReason.String(reason)))
	}
	if e.Unverified {
		attributes = append(attributes, keySignature.String("not_verified"))
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

// appendClaim appends the attribute of a claim to a list of attributes. If the value of the
// claim is not a string, a number or a boolean, appendClaim appends nothing.
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

// ObserveKeys makes the span of a key fetch after the fetch has ended. Set the field Observe
// of [jwks.Options] to ObserveKeys.
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
		// The span must not contain e.Err, because e.Err contains URLs, and URLs may contain
		// secrets.
		span.SetStatus(codes.Error, "the refresh of the keys failed")
	} else {
		span.SetAttributes(keyKeys.Int(e.Keys), keySkipped.Int(e.SkippedCount))
	}
	span.End(trace.WithTimestamp(end))
}
