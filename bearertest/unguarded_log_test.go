package bearertest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestUnguardedIsNotLogged tests that Unguarded causes no records in Config.Logger, and that
// the observer still receives the refusals. The same requests of a client are logged.
func TestUnguardedIsNotLogged(t *testing.T) {
	out, observed := new(bytes.Buffer), 0
	issuer := bearertest.NewIssuer(nil)
	t.Cleanup(issuer.Close)
	verifier, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{"api"}, Logger: slog.New(slog.NewJSONHandler(out, nil)),
		Observer:   bearer.ObserverFunc(func(context.Context, bearer.Event) { observed++ }),
		KeyOptions: &jwks.Options{Logger: slog.New(slog.DiscardHandler)}, // otherwise, the records about keys go to Logger too
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	guard.Handle(mux, "GET /a", scopes.All("a"), served)
	guard.Handle(mux, "GET /none", scopes.Rule{}, served)
	mux.Handle("GET /open", served)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1000 * time.Hour) // The process has a limit on the records of a minute. No other test writes records in this minute.
		if got := bearertest.Unguarded(mux, pairs("GET /a", "GET /none", "GET /open")); fmt.Sprint(got) != "[GET /open]" {
			t.Errorf("got the routes %q without a guard, want GET /open", got)
		}
		if text := out.String(); text != "" || observed != 2 {
			t.Errorf("got the records %s and %d events, want no record and 2 events", text, observed)
		}
		for _, path := range []string{"/a", "/none"} {
			mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody))
		}
		if text := out.String(); strings.Count(text, "bearer: request refused") != 2 || observed != 4 {
			t.Errorf("got the records %s and %d events for the requests of a client, want two records and 4 events", text, observed)
		}
	})
}
