package tracing_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
	"github.com/bearerkit/bearer/tracing"
)

// fixture contains an issuer and a handler with a guard. The handler starts a span for each
// request.
type fixture struct {
	issuer   *bearertest.Issuer
	recorder *tracetest.SpanRecorder
	handler  http.Handler
}

func newFixture(t *testing.T, claims ...string) *fixture {
	t.Helper()
	f := &fixture{
		issuer:   bearertest.NewIssuer(&bearertest.Options{Audience: []string{"api"}, Algorithms: []string{"ES256"}}),
		recorder: tracetest.NewSpanRecorder(),
	}
	t.Cleanup(f.issuer.Close)
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(f.recorder))
	tracer, err := tracing.New(&tracing.Options{Claims: claims, TracerProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Discover(f.issuer.URL(), &jwks.Options{Observe: tracer.ObserveKeys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := keys.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{Issuer: f.issuer.URL(), Audience: []string{"api"}, Keys: keys, Observer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /read", scopes.All("read"), http.NotFoundHandler())
	guard.Handle(mux, "GET /trial", scopes.ReportOnly(scopes.All("write")), http.NotFoundHandler())
	guard.Handle(mux, "GET /public", scopes.Public(), http.NotFoundHandler())
	// This handler starts the spans, as otelhttp does in a service.
	f.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, span := provider.Tracer("test").Start(r.Context(), "request")
		defer span.End()
		mux.ServeHTTP(rw, r.WithContext(ctx))
	})
	return f
}

// get sends a request and returns the span of the request.
func (f *fixture) get(t *testing.T, path, token string) sdk.ReadOnlySpan {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	f.handler.ServeHTTP(httptest.NewRecorder(), r)
	spans := f.named("request")
	return spans[len(spans)-1]
}

// named returns the ended spans with the given name.
func (f *fixture) named(name string) []sdk.ReadOnlySpan {
	return slices.DeleteFunc(f.recorder.Ended(), func(s sdk.ReadOnlySpan) bool { return s.Name() != name })
}

// text returns the attributes as one line of text, in alphabetical order.
func text(attributes []attribute.KeyValue) string {
	parts := make([]string, len(attributes))
	for i, a := range attributes {
		parts[i] = fmt.Sprintf("%s=%s", a.Key, a.Value.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// TestVerdicts checks the span of a request. The span must contain the verdict and the claims
// in Options.Claims. It must not contain any other part of the token.
func TestVerdicts(t *testing.T) {
	f := newFixture(t, "client_id", "seats", "list", "absent")
	valid := f.issuer.Token(map[string]any{
		"scope": "read", "client_id": "ci", "seats": 3, "list": []string{"secret"}, "sub": "user-1", "jti": "t-1",
	})
	forged := f.issuer.Forge(nil, map[string]any{"client_id": "evil", "sub": "evil"})
	issuer := "bearer.issuer=" + f.issuer.URL()
	for _, row := range []struct {
		name, path, token string
		want              string
		events            string
	}{
		{"valid token", "/read", valid, "bearer.cache_hit=false bearer.claim.client_id=ci bearer.claim.seats=3 " + issuer + " bearer.result=allowed", ""},
		{"report-only rule", "/trial", valid, "bearer.cache_hit=* bearer.claim.client_id=ci bearer.claim.seats=3 " + issuer + " bearer.reason=scope bearer.result=reported", "bearer.reason=scope bearer.result=reported"},
		{"forged token", "/read", forged, "bearer.cache_hit=false " + issuer + " bearer.reason=signature bearer.result=refused bearer.signature=not_verified", "bearer.reason=signature bearer.result=refused"},
		{"no token", "/read", "", "bearer.cache_hit=false bearer.reason=no_token bearer.result=refused", "bearer.reason=no_token bearer.result=refused"},
		{"public route", "/public", "", "", ""},
	} {
		span := f.get(t, row.path, row.token)
		got := text(span.Attributes())
		if strings.Contains(row.want, "cache_hit=*") {
			got = strings.NewReplacer("cache_hit=true", "cache_hit=*", "cache_hit=false", "cache_hit=*").Replace(got)
		}
		if got != row.want {
			t.Errorf("%s: got attributes %q, want %q", row.name, got, row.want)
		}
		var events []string
		for _, e := range span.Events() {
			events = append(events, text(e.Attributes))
		}
		if got := strings.Join(events, "; "); got != row.events {
			t.Errorf("%s: got events %q, want %q", row.name, got, row.events)
		}
		for part := range strings.SplitSeq(row.token, ".") {
			if all := got + fmt.Sprint(span.Events(), span.Status()); part != "" && strings.Contains(all, part) {
				t.Errorf("%s: the span contains a part of the token, want no part of the token: %s", row.name, all)
			}
		}
	}
}

// TestKeyFetch checks the span of a key fetch. The span must be in its own trace. It must have
// a link to the span of the request that caused the fetch.
func TestKeyFetch(t *testing.T) {
	f := newFixture(t)
	// keys.Ready can return before the cache calls ObserveKeys, so the test must wait.
	refreshes := eventually(t, func() []sdk.ReadOnlySpan { return f.named("bearer.keys.refresh") }, 1)
	if len(refreshes) != 1 || len(refreshes[0].Links()) != 0 {
		t.Fatalf("at the start: got %d spans of key fetches, want 1 span without links", len(refreshes))
	}
	f.issuer.Rotate()
	request := f.get(t, "/read", f.issuer.Token(map[string]any{"scope": "read"}))
	if got := text(request.Attributes()); !strings.Contains(got, "bearer.result=allowed") {
		t.Fatalf("got attributes %q, want bearer.result=allowed", got)
	}
	f.issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
	failed := f.get(t, "/read", f.issuer.Mint(map[string]any{"kid": "unknown"}, nil))
	refreshes = eventually(t, func() []sdk.ReadOnlySpan { return f.named("bearer.keys.refresh") }, 3)
	for i, want := range []struct {
		cause  sdk.ReadOnlySpan
		result string
		status codes.Code
	}{
		{request, "refreshed", codes.Unset},
		{failed, "refresh_failed", codes.Error},
	} {
		span := refreshes[i+1]
		if got := text(span.Attributes()); !strings.Contains(got, "bearer.keys.result="+want.result) || span.Status().Code != want.status {
			t.Errorf("got attributes %q and status %v, want result %s and status %v", got, span.Status(), want.result, want.status)
		}
		if len(span.Links()) != 1 || span.Links()[0].SpanContext.SpanID() != want.cause.SpanContext().SpanID() {
			t.Errorf("%s: got links %v, want 1 link to the span of the request", want.result, span.Links())
		}
		if span.Parent().IsValid() || span.SpanContext().TraceID() == want.cause.SpanContext().TraceID() || span.SpanKind() != trace.SpanKindClient {
			t.Errorf("%s: got kind %v, parent %v and trace %v; want kind %v, no parent, and a trace other than %v", want.result,
				span.SpanKind(), span.Parent().SpanID(), span.SpanContext().TraceID(), trace.SpanKindClient, want.cause.SpanContext().TraceID())
		}
		if strings.Contains(fmt.Sprint(span.Status(), text(span.Attributes())), "/keys") {
			t.Errorf("%s: the span contains a URL, want no URL", want.result)
		}
	}
}

// eventually calls the function "ended" until the result contains at least n spans, and
// returns these spans. The test must wait, because the span of a fetch can end after the
// request that waited for the fetch.
func eventually(t *testing.T, ended func() []sdk.ReadOnlySpan, n int) []sdk.ReadOnlySpan {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if all := ended(); len(all) >= n {
			return all
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 1 minute: got %d spans, want at least %d", len(ended()), n)
		}
	}
}

// TestAbandoned checks the attributes of a request that is canceled while it waits for keys.
func TestAbandoned(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	tracer, err := tracing.New(&tracing.Options{TracerProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	tracer.Observe(ctx, bearer.Event{Reason: bearer.KeysUnavailable, Err: &bearer.Error{Reason: bearer.KeysUnavailable, Err: context.Canceled}})
	span.End()
	ended := recorder.Ended()[0]
	if got, want := text(ended.Attributes()), "bearer.cache_hit=false bearer.result=abandoned"; got != want || len(ended.Events()) != 0 {
		t.Errorf("got attributes %q and %d events, want %q and no events", got, len(ended.Events()), want)
	}
}

// TestWithoutSpan checks that a Tracer does not panic in three cases: the context has no span,
// Options.TracerProvider is nil, or the Tracer is nil. It also checks the errors of New.
func TestWithoutSpan(t *testing.T) {
	tracer, err := tracing.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tracer := range []*tracing.Tracer{tracer, nil} {
		tracer.Observe(t.Context(), bearer.Event{Reason: bearer.Expired})
		tracer.ObserveKeys(jwks.Event{Kind: jwks.Refreshed})
		tracer.ObserveKeys(jwks.Event{Kind: jwks.MissDenied})
	}
	if _, err := tracing.New(&tracing.Options{Claims: []string{"a", "", "a"}}); err == nil || strings.Count(err.Error(), "Options.Claims") != 2 {
		t.Errorf("got error %v, want 2 errors about Options.Claims", err)
	}
}
