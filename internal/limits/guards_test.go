package limits_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/cleanpath"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// clean returns an error if the path is not clean.
func clean(path string) error {
	if !cleanpath.Clean(&url.URL{Path: path}) {
		return errors.New("not clean")
	}
	return nil
}

// ruled returns an error if no pattern of a table matches the path.
func ruled(path string) error {
	var table scopes.Table
	table.Handle("/files/", scopes.All("x"))
	if rule, _ := table.Rule(&http.Request{Method: http.MethodGet, Host: "api.example", URL: &url.URL{Path: path}}); rule.IsZero() {
		return errors.New("no rule")
	}
	return nil
}

// TestManyReadings sends paths that handlers can read in many ways. The limit is the sum over all
// ways, so a short path is accepted, and a long path only if it has few ways.
func TestManyReadings(t *testing.T) {
	const ways = ";x/b?c/d;y#%2541"
	long := strings.Repeat("a", 3<<10)
	for path, accepted := range map[string]bool{
		"/files/a" + ways:       true,
		"/files/" + long:        true,
		"/files/" + long + ";x": true,
		"/files/" + long + ways: false,
	} {
		if err := ruled(path); (err == nil) != accepted {
			t.Errorf("%.12s..., %d bytes: got error %v, want acceptance %v", path, len(path), err, accepted)
		}
	}
}

// slowEnd is a body whose last read has the result io.EOF, and whose other reads have no result.
type slowEnd struct{ reads int }

func (b *slowEnd) Read([]byte) (int, error) {
	if b.reads--; b.reads > 0 {
		return 0, nil
	}
	return 0, io.EOF
}

// preflight sends a preflight request whose body ends at the read number n.
func preflight(t *testing.T, n int) error {
	t.Helper()
	guard, err := middleware.New(testkit.Refuse(bearer.Revoked), &middleware.Options{AllowPreflight: true})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/", io.NopCloser(&slowEnd{n}))
	r.ContentLength = -1
	r.Header = http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"GET"}}
	w := httptest.NewRecorder()
	guard.Require(scopes.All("x"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		return fmt.Errorf("status %d", w.Code)
	}
	return nil
}

// handshakes sends WebSocket handshakes to n routes that the proxy does not pass, and returns
// the number of routes in the next record.
func handshakes(t *testing.T, n int) int {
	t.Helper()
	var out testkit.Buffer
	guard, err := middleware.New(testkit.Refuse(bearer.Revoked), &middleware.Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	proxy := guard.Proxy(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	proxy.Transport = roundTripper(func(r *http.Request) (*http.Response, error) { return respond(r, http.StatusOK, nil, nil), nil })
	mux := http.NewServeMux()
	send := func(path string) {
		guard.Handle(mux, "GET "+path, scopes.Public(), proxy)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
		mux.ServeHTTP(httptest.NewRecorder(), r)
	}
	send("/first")
	for i := range n - 1 {
		send(fmt.Sprint("/route", i))
	}
	time.Sleep(time.Minute)
	send(fmt.Sprint("/route", n-1))
	_, last, _ := strings.Cut(out.String(), "\n")
	return strings.Count(last, "GET /route")
}

// unknownMethod returns the number of characters of a gRPC method in the error.
func unknownMethod(t *testing.T, n int) int {
	t.Helper()
	events := &testkit.Recorder{}
	guard, err := interceptor.New(testkit.Refuse(bearer.Revoked), scopes.Methods{"/a/b": scopes.Public()}, &interceptor.Options{Observer: events})
	if err != nil {
		t.Fatal(err)
	}
	_, err = guard.Unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/" + strings.Repeat("~", n-1)}, func(context.Context, any) (any, error) { return nil, nil })
	all := events.Take()
	if err == nil || len(all) != 1 {
		t.Fatalf("got error %v and events %v, want a refusal and one event", err, all)
	}
	return 1 + strings.Count(all[0].Err.Error(), "~")
}

// labels sends n events to a Collector, and returns the number of values of a label.
func labels(label string, event func(i int) bearer.Event) func(*testing.T, int) int {
	return func(t *testing.T, n int) int {
		t.Helper()
		collector, err := metrics.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewRegistry()
		if err := registry.Register(collector); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			collector.Observe(t.Context(), event(i))
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]bool{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				for _, pair := range metric.GetLabel() {
					if family.GetName() == "bearer_requests_total" && pair.GetName() == label && pair.GetValue() != "other" {
						values[pair.GetValue()] = true
					}
				}
			}
		}
		longest := 0
		for value := range values {
			longest = max(longest, len(value))
		}
		if n > 1 && len(values) == 1 { // the events have one long value
			return longest
		}
		return len(values)
	}
}

// tokenRequest sends a token request with a body of n bytes.
func tokenRequest(t *testing.T, n int) error {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	issuer.AddClient(bearertest.Client{ID: "c", Secret: "secret"})
	form := "grant_type=client_credentials&client_id=c&client_secret=secret&x="
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer.TokenURL(), strings.NewReader(form+strings.Repeat("x", n-len(form))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := issuer.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	return errors.Join(fmt.Errorf("%s: %s", resp.Status, body), err)
}

// unguarded lets a handler take almost n ns for a request of Unguarded.
func unguarded(_ *testing.T, n int) error {
	var err error
	var routes iter.Seq2[string, string] = func(yield func(string, string) bool) { yield(http.MethodGet, "/") }
	bearertest.Unguarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			err = r.Context().Err()
		case <-time.After(time.Duration(n) - time.Millisecond):
		}
	}), routes)
	return err
}

func otherEdges() []edge {
	return []edge{
		{constant: "middleware.maxEmptyReads", beyond: "status 401", try: preflight},
		{constant: "middleware.maxNames", beyond: "kept %d of", try: kept(handshakes), bubble: true},
		{constant: "interceptor.maxMethod", beyond: "kept %d of", try: kept(unknownMethod)},
		{constant: "metrics.defaultRoutes", beyond: "kept %d of", try: kept(labels("route", func(i int) bearer.Event { return bearer.Event{Route: fmt.Sprint("GET /", i)} }))},
		{constant: "metrics.defaultIssuers", beyond: "kept %d of", try: kept(labels("issuer", func(i int) bearer.Event { return bearer.Event{Issuer: fmt.Sprint("https://issuer.example/", i)} }))},
		{constant: "metrics.maxTransports", beyond: "kept %d of", try: kept(labels("transport", func(i int) bearer.Event { return bearer.Event{Transport: fmt.Sprint("t", i)} }))},
		{constant: "metrics.maxLabel", beyond: "kept %d of", try: kept(func(t *testing.T, n int) int {
			t.Helper()
			long := bearer.Event{Route: strings.Repeat("r", n)}
			return labels("route", func(int) bearer.Event { return long })(t, n)
		})},
		{constant: "bearertest.maxFormSize", beyond: "invalid_request", try: tokenRequest},
		{constant: "bearertest.probeTimeout", beyond: "deadline exceeded", try: unguarded, step: int(time.Second), bubble: true},
	}
}
