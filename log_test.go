package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// logBook collects the log of a test.
type logBook struct{ testkit.Buffer }

// records returns the records without their times and durations. Each line of the log must
// be a record in JSON.
func (b *logBook) records(t *testing.T) []map[string]any {
	t.Helper()
	var records []map[string]any
	for line := range strings.Lines(b.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("line %q: got error %v, want a JSON object", line, err)
		}
		delete(record, "time")
		delete(record, "took")
		records = append(records, record)
	}
	return records
}

func newLog(t *testing.T, opts *bearer.LogOptions) (*bearer.LogObserver, *logBook) {
	t.Helper()
	book := &logBook{}
	o, err := bearer.NewLogObserver(slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o, book
}

// logDecision decides a request and returns the log record in JSON, without the text of the
// error. If there is no record, logDecision returns "".
func logDecision(t *testing.T, opts *bearer.LogOptions, issuer *bearertest.Issuer, token string, rule scopes.Rule) string {
	t.Helper()
	o, book := newLog(t, opts)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = o
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			if c.Subject() == "banned" {
				return bearer.Revoked
			}
			return nil
		}
	})
	_, _ = bearer.Decide(t.Context(), v, bearer.Request{
		Transport: "http", Route: "GET /x", Authorization: []string{"Bearer " + token}, Rule: rule,
	})
	// The log must contain no part of the token, even if the token was refused.
	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= 8 && strings.Contains(book.String(), part) {
			t.Errorf("the log contains the part %.20q... of the token, want a log without the token:\n%s", part, book)
		}
	}
	records := book.records(t)
	if len(records) == 0 {
		return ""
	}
	if len(records) > 1 {
		t.Errorf("got %d records of one request, want 1: %v", len(records), records)
	}
	if detail, ok := records[0]["error"].(string); records[0]["reason"] != nil && (!ok || detail == "") {
		t.Errorf("got record %v, want a record with an error", records[0])
	} else if strings.Contains(detail, "bearer: ") {
		t.Errorf("got record %v, want a record whose error does not repeat the reason", records[0])
	}
	delete(records[0], "error")
	if records[0]["kid"] == issuer.SigningKey("").ID() {
		records[0]["kid"] = "KID"
	}
	text, err := json.Marshal(records[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLog tests that a request causes one record with exactly the wanted keys and values, or
// no record.
func TestLog(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	read := map[string]any{"client_id": "ci", "jti": "t-1", "scope": "read"}
	audit := &bearer.LogOptions{Audit: slog.LevelInfo, Level: slog.LevelInfo}
	for _, row := range []struct {
		name  string
		opts  *bearer.LogOptions
		token string
		rule  scopes.Rule
		want  string
	}{
		{
			"missing scope", nil, issuer.Token(read), scopes.All("write"),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"scope","route":"GET /x","transport":"http"}`,
		},
		{
			"not a JWT", audit, "a.b.c", scopes.All(),
			`{"level":"INFO",` +
				`"msg":"bearer: request refused","reason":"malformed","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"forged token with unverified claims", nil, issuer.Forge(nil, read), scopes.All(),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"signature","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"unknown kid, no client_id", nil, issuer.Mint(map[string]any{"kid": "k-9"}, map[string]any{"client_id": nil, "jti": 7}), scopes.All(),
			`{"issuer":"https://issuer.example","kid":"k-9","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"claims","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"expired token of the issuer", nil, issuer.Token(map[string]any{"exp": 1, "jti": "t-1"}), scopes.All(),
			`{"client_id":"client","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"expired","route":"GET /x","transport":"http"}`,
		},
		{
			"forged expired token", nil, issuer.Forge(nil, map[string]any{"exp": 1, "jti": "t-1"}), scopes.All(),
			`{"client_id":"client","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"expired","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"refused before the claims are read", nil, issuer.Mint(map[string]any{"alg": "HS256"}, map[string]any{"client_id": nil, "azp": "ci", "jti": "t-1"}), scopes.All(),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"algorithm","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"unknown issuer", nil, issuer.Token(map[string]any{"iss": "https://other.example", "client_id": "ci", "jti": "t-1"}), scopes.All(),
			`{"client_id":"ci","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"issuer","route":"GET /x","signature":"not_verified","transport":"http"}`,
		},
		{
			"refused by Validate", nil, issuer.Token(map[string]any{"jti": "t-1", "sub": "banned"}), scopes.All(),
			`{"client_id":"client","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"WARN",` +
				`"msg":"bearer: request refused","reason":"revoked","route":"GET /x","transport":"http"}`,
		},
		{"request allowed, without Audit", nil, issuer.Token(read), scopes.All("read"), ""},
		{
			"request allowed, with Audit", audit, issuer.Token(read), scopes.All("read"),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"INFO","msg":"bearer: request allowed",` +
				`"route":"GET /x","transport":"http"}`,
		},
		{
			"request allowed by a report-only rule", &bearer.LogOptions{Level: slog.LevelInfo}, issuer.Token(read), scopes.ReportOnly(scopes.All("write")),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"INFO",` +
				`"msg":"bearer: refusal reported, not enforced","reason":"scope","route":"GET /x","transport":"http"}`,
		},
		{
			"fault of this service", audit, issuer.Token(read), scopes.Func("hook", func(context.Context) error { return bearer.Internal }),
			`{"client_id":"ci","issuer":"https://issuer.example","jti":"t-1","kid":"KID","level":"ERROR",` +
				`"msg":"bearer: request refused","reason":"internal","route":"GET /x","transport":"http"}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := logDecision(t, row.opts, issuer, row.token, row.rule); got != row.want {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

// TestLogEscapes tests that the observer escapes and truncates the values in a token before
// the log handler receives the values.
func TestLogEscapes(t *testing.T) {
	book := &logBook{}
	var plain slog.Handler = handlerFunc(func(r slog.Record) {
		r.Attrs(func(a slog.Attr) bool { _, _ = fmt.Fprintf(book, "%s=%v\n", a.Key, a.Value); return true })
	})
	o, err := bearer.NewLogObserver(slog.New(plain), nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = o })
	evil := "x\n\x1b[31mroot\u202e\u0000" + strings.Repeat("y", 1500)
	for _, claims := range []map[string]any{
		{"client_id": evil, "jti": evil, "sub": evil},
		{"client_id": evil, "jti": evil, "aud": evil},
		{"iss": evil, "jti": evil},
	} {
		_, _ = bearer.Decide(t.Context(), v, bearer.Request{
			Authorization: []string{"Bearer " + issuer.Mint(map[string]any{"kid": evil}, claims)}, Rule: scopes.All("write"),
		})
		_, _ = bearer.Decide(t.Context(), v, bearer.Request{
			Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: scopes.All("write"),
		})
	}
	text := book.String()
	if !strings.Contains(text, `client_id=x\n\x1b[31mroot\u202e\x00yyy`) {
		t.Errorf("the log contains no escaped client_id, want one in\n%s", text)
	}
	for _, bad := range []string{"\x1b", "\u202e", "\x00", strings.Repeat("y", 200)} {
		if strings.Contains(text, bad) {
			t.Errorf("the log contains %q, want escaped and truncated values:\n%s", bad, text)
		}
	}
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, "="); !ok || strings.Contains(name, " ") {
			t.Errorf("got line %q, want a key and a value, because line breaks in values must be escaped", line)
		}
	}
}

// handlerFunc is a function that implements slog.Handler. The method Handle calls the function
// with the record.
type handlerFunc func(slog.Record)

func (f handlerFunc) Enabled(context.Context, slog.Level) bool      { return true }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }

// TestLogFlood causes many refusals with one reason and few with another reason. The refusals
// with the frequent reason must cause few records. Each refusal must be logged or counted.
// Each refusal with the rare reason must be logged.
func TestLogFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, book := newLog(t, nil)
		const routes, each = 200, 600
		for i := range each {
			for route := range routes {
				o.Observe(t.Context(), bearer.Event{Transport: "http", Route: fmt.Sprint("GET /", route), Reason: bearer.Malformed})
			}
			if i%100 == 99 {
				o.Observe(t.Context(), bearer.Event{Route: "GET /", Reason: bearer.Revoked, Issuer: "https://issuer.example"})
			}
			time.Sleep(time.Second)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		logged, counted := 0, 0
		reasons := map[any]int{}
		for _, record := range book.records(t) {
			switch record["msg"] {
			case "bearer: request refused":
				logged++
				reasons[record["reason"]]++
			case "bearer: more requests refused":
				n, _ := record["count"].(float64)
				counted += int(n)
				if record["reason"] != "malformed" || record["within"] != float64(time.Minute) {
					t.Errorf("got record %v, want reason malformed and an interval of 1 min", record)
				}
			}
		}
		if total := logged + counted; total != routes*each+6 {
			t.Errorf("got %d refusals in the log, logged or counted, want %d", total, routes*each+6)
		}
		if reasons["revoked"] != 6 || reasons["malformed"] > 11*100 {
			t.Errorf("got records by reason %v, want all 6 records with reason revoked and at most 1,100 with reason malformed", reasons)
		}
	})
}

// TestLogInterval tests that the number of suppressed refusals is logged at the end of the
// interval, and that the next interval has its own limit.
func TestLogInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, book := newLog(t, &bearer.LogOptions{Burst: 2, Interval: 10 * time.Second})
		flood := func() {
			for range 5 {
				o.Observe(t.Context(), bearer.Event{Reason: bearer.Expired})
			}
		}
		lines := func() int { return len(book.records(t)) }
		flood()
		if got := lines(); got != 2 {
			t.Errorf("got %d records, want 2", got)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := lines(); got != 3 || !strings.Contains(book.String(), `"count":3`) {
			t.Errorf("got %d records, want 3 records, the last with count 3:\n%s", got, book)
		}
		time.Sleep(time.Hour)
		flood()
		if got := lines(); got != 5 {
			t.Errorf("got %d records, want 5 after the next interval", got)
		}
		for range 2 {
			if err := o.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := lines(); got != 6 {
			t.Errorf("got %d records, want 6, because the first Close logs the last count", got)
		}
	})
}

// TestLogAll tests that the observer logs every refusal if Burst is negative.
func TestLogAll(t *testing.T) {
	o, book := newLog(t, &bearer.LogOptions{Burst: -1})
	for range 1000 {
		o.Observe(t.Context(), bearer.Event{Reason: bearer.Expired, Err: errors.New("two\nlines")})
	}
	if got := len(book.records(t)); got != 1000 {
		t.Errorf("got %d records, want 1,000", got)
	}
}

// TestLogPanic uses a log handler that panics when a timer logs the number of suppressed
// refusals. No request runs at this time. The panic must not end the process.
func TestLogPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		o, err := bearer.NewLogObserver(slog.New(handlerFunc(func(slog.Record) {
			if calls++; calls > 1 {
				panic("a bad handler")
			}
		})), &bearer.LogOptions{Burst: 1})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			o.Observe(t.Context(), bearer.Event{Reason: bearer.Expired})
		}
		time.Sleep(2 * time.Minute)
		if err := o.Close(); err != nil || calls != 2 {
			t.Errorf("got %d calls of the handler and error %v, want 2 calls and no error", calls, err)
		}
	})
}

// TestLogDisabled tests that refusals below the logger's level are not counted.
func TestLogDisabled(t *testing.T) {
	book := &logBook{}
	o, err := bearer.NewLogObserver(slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelError})), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		o.Observe(t.Context(), bearer.Event{Reason: bearer.Expired})
	}
	o.Observe(t.Context(), bearer.Event{Reason: bearer.KeysUnavailable})
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(book.records(t)); got != 1 {
		t.Errorf("got %d records, want 1 for the fault of this service", got)
	}
}

func TestLogBadInput(t *testing.T) {
	_, err := bearer.NewLogObserver(nil, &bearer.LogOptions{Interval: -1})
	testkit.WantError(t, "NewLogObserver", err, "logger: nil", "LogOptions.Interval: -1ns is negative")
}

// TestLogConcurrently tests that each of many concurrent refusals is logged or counted.
func TestLogConcurrently(t *testing.T) {
	o, book := newLog(t, &bearer.LogOptions{Burst: 5, Interval: 20 * time.Millisecond})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				o.Observe(t.Context(), bearer.Event{Route: fmt.Sprint("GET /", (g+i)%7), Reason: bearer.Expired})
			}
		})
	}
	all.Wait()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, record := range book.records(t) {
		if n, ok := record["count"].(float64); ok {
			sum += int(n)
		} else {
			sum++
		}
	}
	if sum != 8*500 {
		t.Errorf("got %d refusals in the log, logged or counted, want %d", sum, 8*500)
	}
}
