// Package tracing shows verdicts in OpenTelemetry traces. It is a module of its
// own, so that nobody else pays for OpenTelemetry.
//
// A [Tracer] is an Observer, which puts each verdict on the span of its request,
// and is told of key fetches by the key cache:
//
//	tracer, err := tracing.New(&tracing.Options{Claims: []string{"client_id"}})
//	keys, err := jwks.Discover(issuer, &jwks.Options{Observe: tracer.ObserveKeys})
//	v, err := bearer.New(bearer.Config{ ..., Keys: keys, Observer: tracer})
//
// The span is that of the request's context: otelhttp's or otelgrpc's, which must
// be in front of the guard. It gets the attributes
//
//	bearer.result      "allowed", "refused", "reported" (allowed by the mode of the rule)
//	                   or "abandoned" (the caller did not wait for keys)
//	bearer.reason      a bearer.Reason, where it was not allowed
//	bearer.issuer      the configured issuer
//	bearer.cache_hit   whether the token was verified before
//	bearer.claim.NAME  the claims of Options.Claims, of tokens that were verified
//
// and, where the request was refused or would have been, an event "bearer.refused"
// with the reason. A fetch of keys is a span "bearer.keys.refresh" of a trace of its
// own, since it serves all requests that wait for it; it is linked to the span of
// the request that it was made for.
//
// Nothing else of a token is there: no other claim, no detail that quotes one, and
// no part of the token itself.
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

// Options adjusts a Tracer. The zero Options, and nil, show no claims.
type Options struct {
	// Claims is the names of the claims that are shown, of verified tokens only:
	// strings, numbers and booleans at the top of the claims set, cut at 256
	// bytes. Mind what is personal. Nil: none.
	Claims []string
	// TracerProvider makes the spans of key fetches. Nil: the global one.
	TracerProvider trace.TracerProvider
}

// Tracer is a [bearer.Observer] for traces. [New] makes one. It is safe for
// concurrent use.
type Tracer struct {
	tracer trace.Tracer
	claims []claim
}

// claim is a name, and the key of its attribute.
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

// maxValue is how many bytes of a claim are shown.
const maxValue = 256

// New returns a Tracer. The error reports all that is wrong with opts at once.
func New(opts *Options) (*Tracer, error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	t := &Tracer{}
	for i, name := range opts.Claims {
		if name == "" || slices.Contains(opts.Claims[:i], name) {
			errs = append(errs, fmt.Errorf("tracing: Options.Claims: %q: empty, or there twice", name))
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

// Observe implements [bearer.Observer]: it puts the verdict on the span in ctx, if
// that is recorded.
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

// appendClaim appends a claim that is a string, a number or a boolean.
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

// ObserveKeys is for Options.Observe of package jwks: it makes a span of each
// refresh of the keys.
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
		// The error names URLs, which may have secrets in them: it is in the log.
		span.SetStatus(codes.Error, "the keys could not be refreshed")
	} else {
		span.SetAttributes(keyKeys.Int(e.Keys), keySkipped.Int(e.SkippedCount))
	}
	span.End(trace.WithTimestamp(end))
}
