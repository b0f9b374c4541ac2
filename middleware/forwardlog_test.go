package middleware_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
)

// records returns the records in the output of a JSON handler.
func records(t *testing.T, out *testkit.Buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		all = append(all, record)
	}
	return all
}

// TestForwardAuthIgnoredFields checks that ForwardAuth ignores the fields of other dialects,
// and logs their names for public, allowed and refused requests. It never logs the fields of
// its own dialect.
func TestForwardAuthIgnoredFields(t *testing.T) {
	foreign := http.Header{
		"X-Original-Url": {"http://api.example/public/secret"}, "X_original_method": {"GET"}, "X-Forwarded-Uri": {"/public/secret"}, "X.forwarded.method": {"GET"},
		"X-Http-Method-Override": {"GET"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Original": {"x"},
	}
	for dialect, want := range map[string]string{
		"":              "X-Forwarded-Method, X-Http-Method-Override, X-Original-Method, X-Original-Url",
		"caddy":         "X-Forwarded-Method, X-Http-Method-Override, X-Original-Method, X-Original-Url",
		"haproxy":       "X-Forwarded-Method, X-Http-Method-Override, X-Original-Method, X-Original-Url",
		"ingress-nginx": "X-Forwarded-Method, X-Forwarded-Uri, X-Http-Method-Override, X-Original-Method",
		"envoy":         "X-Forwarded-Method, X-Forwarded-Uri, X-Http-Method-Override, X-Original-Method, X-Original-Url",
	} {
		for target, status := range map[string]int{"/public/x": 204, "/whoami": 204, "/deployments/7": 401} {
			for _, refuse := range []bool{false, true} {
				out := new(testkit.Buffer)
				guard := refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: dialect, Logger: slog.New(slog.NewJSONHandler(out, nil)), RefuseOverrides: refuse})
				h := forwardAuth(guard, dialect, forwardTable())
				clean := proxied(dialect, asked{"GET", target, "api.example"})
				w := serve(h, clean)
				if got := w.Code; got != status && (got != 200 || status != 204) {
					t.Errorf("%q, %s, no other fields: got status %d, want status %d", dialect, target, got, status)
				}
				if text := out.String(); text != "" {
					t.Errorf("%q, %s, no other fields: got the records %s, want no record", dialect, target, text)
				}
				r := proxied(dialect, asked{"GET", target, "api.example"})
				added := maps.Clone(foreign)
				maps.Copy(added, r.Header)
				r.Header = added
				w = serve(h, r)
				if allowed := w.Code < 300; allowed != (status == 204 && !refuse) {
					t.Errorf("%q, %s, RefuseOverrides %v: got status %d with fields of other dialects", dialect, target, refuse, w.Code)
				}
				all := records(t, out)
				if refuse {
					if len(all) != 0 {
						t.Errorf("%q, %s: got the records %v, want no record, because the observer receives the refusal", dialect, target, all)
					}
					continue
				}
				if len(all) != 1 || all[0]["fields"] != want || all[0]["requests"] != 1.0 || all[0]["level"] != "WARN" || strings.Contains(out.String(), "secret") {
					t.Errorf("%q, %s: got the records %v, want one record with the fields %q and no values", dialect, target, all, want)
				}
			}
		}
	}
}

// TestForwardAuthIgnoredFieldsRate checks that the guard writes at most one record per
// minute, with the number of requests and the names of all fields since the last record.
func TestForwardAuthIgnoredFieldsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(testkit.Buffer)
		guard := refuser(t, bearer.UnknownKey, &middleware.Options{Logger: slog.New(slog.NewJSONHandler(out, nil))})
		h := guard.ForwardAuth(forwardTable())
		other := guard.ForwardAuth(forwardTable()) // shares the limit of the guard
		send := func(h http.Handler, field string) {
			r := proxied("", asked{"GET", "/public/x", "api.example"})
			r.Header[field] = []string{"x"}
			serve(h, r)
		}
		for i := range 120 { // 2 minutes
			for range 3 {
				send(h, "X-Original-Url")
			}
			if i == 70 {
				send(other, "X-Rewrite-Url")
			}
			time.Sleep(time.Second)
		}
		send(h, "X-Original-Url")
		all := records(t, out)
		want := []struct {
			requests float64
			fields   string
		}{{1, "X-Original-Url"}, {180, "X-Original-Url"}, {181, "X-Original-Url, X-Rewrite-Url"}}
		if len(all) != len(want) {
			t.Fatalf("got %d records, want %d", len(all), len(want))
		}
		for i, row := range want {
			if all[i]["requests"] != row.requests || all[i]["fields"] != row.fields {
				t.Errorf("record %d: got %v, want %v requests with the fields %s", i, all[i], row.requests, row.fields)
			}
		}
	})
}

// TestForwardAuthDefaultLogger checks that the records go to slog.Default if the guard has no
// logger of its own.
func TestForwardAuthDefaultLogger(t *testing.T) {
	out, before := new(testkit.Buffer), slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(out, nil)))
	defer slog.SetDefault(before)
	r := proxied("", asked{"GET", "/public/x", "api.example"})
	r.Header.Set("X-Rewrite-URL", "/x")
	serve(refuser(t, bearer.UnknownKey, nil).ForwardAuth(forwardTable()), r)
	if !strings.Contains(out.String(), "X-Rewrite-Url") {
		t.Errorf("got the records %s, want a record with X-Rewrite-Url", out)
	}
}
