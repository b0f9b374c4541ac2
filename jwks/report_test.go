package jwks_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// recorder records events.
type recorder struct {
	mu     sync.Mutex
	events []jwks.Event
}

func (r *recorder) add(e jwks.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) count(kind jwks.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// Secrets in a URL appear in no error, status, event, log record or stored data.
func TestSecretsInURL(t *testing.T) {
	const url = keySetURL + "?appid=7&code=s3cret&t0k3n"
	synctest.Test(t, func(t *testing.T) {
		for name, change := range map[string]func(*issuer){
			"issuer down":   func(i *issuer) { i.down = true },
			"status 500":    func(i *issuer) { i.status = 500 },
			"not a key set": func(i *issuer) { i.doc = []byte(`{}`) },
			"success":       func(*issuer) {},
			"redirect": func(i *issuer) {
				i.status, i.header = 302, map[string][]string{"Location": {"https://other.test/?state=s3cret&t0k3n"}}
			},
		} {
			for _, discover := range []bool{false, true} {
				i := newIssuer(ecKey("a"))
				change(i)
				var log testkit.Buffer
				var events recorder
				o := options(i)
				store := &memory{}
				o.Issuer, o.Store, o.Observe = "", store, events.add
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				construct := func() (*jwks.Cache, error) { return jwks.New(url, o) }
				if discover {
					o.MetadataURL = url
					construct = func() (*jwks.Cache, error) { return jwks.Discover("https://issuer.test", o) }
				}
				c, err := construct()
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Key(t.Context(), "b", "ES256")
				err = fmt.Errorf("%w %w", err, c.Refresh(t.Context()))
				_ = c.Close()
				seen := fmt.Sprintf("%v %+v %+v %s %s", err, c.Status(), events.events, log.String(), store.data)
				for _, secret := range []string{"s3cret", "t0k3n"} {
					if strings.Contains(seen, secret) {
						t.Errorf("%s, discovery %v: output shows a secret: %s", name, discover, seen)
					}
				}
				if name == "issuer down" && !strings.Contains(seen, "issuer.test/keys?appid=xxxxx&code=xxxxx&xxxxx") {
					t.Errorf("%s, discovery %v: output does not show the URL: %s", name, discover, seen)
				}
			}
		}
	})
}

// Two URLs that differ only in a redacted query value do not share stored keys.
func TestStoreOfAnotherQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &memory{}
		verdicts := map[string]string{}
		for _, query := range []string{"?p=1", "?p=2", "?p=1"} {
			o := options(i)
			o.Store = store
			c, err := jwks.New(keySetURL+query, o)
			if err != nil {
				t.Fatal(err)
			}
			verdicts[query] = keyVerdict(t, c, "a")
			_ = c.Close()
			i.set(func(i *issuer) { i.down = true })
		}
		want(t, "verdicts", fmt.Sprint(verdicts), "map[?p=1:ok ?p=2:unavailable]")
	})
}

// The log record about denied fetches counts unknown kids and wrong signatures.
func TestDeniedFetchesLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var log testkit.Buffer
		c := newCache(t, i, func(o *jwks.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		known, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			_, err := c.Key(t.Context(), "a", "ES256", known...)
			want(t, "wrong signature", verdict(err), "unknown")
		}
		time.Sleep(time.Minute)
		for range 10 {
			keyVerdict(t, c, "x")
		}
		var records []string
		for record := range strings.Lines(log.String()) {
			if _, text, ok := strings.Cut(record, "no published key verifies"); ok {
				_, counts, _ := strings.Cut(text, "issuer=https://issuer.test ")
				records = append(records, strings.TrimSpace(counts))
			}
		}
		want(t, "records", strings.Join(records, "; "), "unknown_kid=0 bad_signature=1; unknown_kid=1 bad_signature=7")
	})
}

// A Refreshed event has the numbers of usable keys and skipped elements. Each skipped
// element also has an event.
func TestSkippedKeyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		i := newIssuer(ecKey("a"), jwk{"kty": "oct", "k": "AAAA", "kid": "s"}, jwk{"kty": "EC", "kid": "e"})
		newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		var got []string
		for _, e := range events.events {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Keys, " ", e.SkippedCount, " ", e.SkippedKey.Index, e.SkippedKey.ID, e.SkippedKey.Private))
		}
		want(t, "events", strings.Join(got, "; "), "refreshed 1 2 0false; key_skipped 0 0 1strue; key_skipped 0 0 2efalse")
	})
}
