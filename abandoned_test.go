package bearer_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestAbandonedRequest verifies tokens of an issuer that does not answer. If the request
// ends before the issuer answers, the log must report an abandoned request at level WARN,
// because a client that disconnects is not an outage.
func TestAbandonedRequest(t *testing.T) {
	guarded := func(ctx context.Context, v bearer.Verifier, token string) error {
		_, err := bearer.Decide(ctx, v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		return err
	}
	unguarded := func(ctx context.Context, v bearer.Verifier, token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}
	for _, row := range []struct {
		name   string
		end    time.Duration // A positive time is the deadline of the request. A negative time, such as -1 s, means that the client cancels the request after 1 s.
		verify func(context.Context, bearer.Verifier, string) error
		level  string
		msg    string
		text   string // part of the error
	}{
		{"request reaches its deadline", 100 * time.Millisecond, guarded, "WARN", "bearer: request abandoned", "the request ended while it waited for keys: context deadline exceeded"},
		{"client cancels the request", -100 * time.Millisecond, guarded, "WARN", "bearer: request abandoned", "the request ended while it waited for keys: context canceled"},
		{"client cancels the request to a service without a guard", -100 * time.Millisecond, unguarded, "WARN", "bearer: request abandoned", "context canceled"},
		{"client waits", time.Minute, guarded, "ERROR", "bearer: request refused", "has not answered yet"},
		{"client of a service without a guard waits", time.Minute, unguarded, "ERROR", "bearer: request refused", "has not answered yet"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: time.Hour})
				keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				defer keys.Close()
				o, book := newLog(t, nil)
				v := newVerifier(t, issuer, func(c *bearer.Config) { c.Keys, c.Observer = keys, o })
				ctx, cancel := context.WithTimeout(t.Context(), max(row.end, -row.end))
				defer cancel()
				if row.end < 0 {
					ctx, cancel = context.WithCancel(t.Context())
					time.AfterFunc(-row.end, cancel)
				}
				if err := row.verify(ctx, v, issuer.Token(nil)); reasonOf(t, err) != bearer.KeysUnavailable {
					t.Errorf("got error %v, want reason %q", err, bearer.KeysUnavailable)
				}
				records := book.records(t)
				if len(records) != 1 {
					t.Fatalf("got %d records, want 1; records: %v", len(records), records)
				}
				text, ok := records[0]["error"].(string)
				if records[0]["level"] != row.level || records[0]["msg"] != row.msg || !ok || !strings.Contains(text, row.text) {
					t.Errorf("got record %v, want level %s, message %q, and %q in the error of the record", records[0], row.level, row.msg, row.text)
				}
			})
		})
	}
}
