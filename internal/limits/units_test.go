package limits_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc/health"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// closed closes c, and returns the first of the two errors.
func closed(c io.Closer, err error) error {
	if err != nil {
		return err
	}
	return c.Close()
}

// panicked calls f and returns its panic as an error.
func panicked(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	f()
	return nil
}

// newWithLeeway returns the error of New with a Leeway of n nanoseconds.
func newWithLeeway(_ *testing.T, n int) error {
	v, err := bearer.New(bearer.Config{Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: new(jwks.Set), Leeway: time.Duration(n)})
	return closed(v, err)
}

// unitEdges returns the cases of the shortest durations of options. A duration that is shorter by
// 1 ns has no unit.
func unitEdges() []edge {
	quiet := slog.New(slog.DiscardHandler)
	keys := func(set func(*jwks.Options, time.Duration)) func(*testing.T, int) error {
		return func(_ *testing.T, n int) error {
			opts := &jwks.Options{Transport: roundTripper(down), Logger: quiet}
			set(opts, time.Duration(n))
			c, err := jwks.New(keySetURL, opts)
			return closed(c, err)
		}
	}
	return []edge{
		{constant: "jwks.shortest", beyond: "Options.CoolDown", step: -1, try: keys(func(o *jwks.Options, d time.Duration) { o.CoolDown = d })},
		{constant: "jwks.shortestTimeout", beyond: "Options.Timeout", step: -1, try: keys(func(o *jwks.Options, d time.Duration) { o.Timeout = d })},
		{constant: "jwks.shortestStale", beyond: "Options.MaxStale", step: -1, try: keys(func(o *jwks.Options, d time.Duration) { o.MaxStale = d })},
		{constant: "bearer.shortestAge", beyond: "Config.MaxAge", step: -1, try: func(_ *testing.T, n int) error {
			v, err := bearer.New(bearer.Config{
				Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: new(jwks.Set),
				MaxLifetime: time.Duration(n), MaxAge: time.Duration(n),
			})
			return closed(v, err)
		}},
		{constant: "bearer.shortestLeeway", beyond: "Config.Leeway: 999999999 is", step: -1, try: newWithLeeway},
		{constant: "bearer.maxLeeway", beyond: "is more than 5m0s", try: newWithLeeway},
		{constant: "bearer.shortestInterval", beyond: "LogOptions.Interval", step: -1, try: func(_ *testing.T, n int) error {
			log, err := bearer.NewLogObserver(quiet, &bearer.LogOptions{Interval: time.Duration(n)})
			return closed(log, err)
		}},
		{constant: "interceptor.shortestInterval", beyond: "HealthOptions.Interval", step: -1, try: func(t *testing.T, n int) error {
			t.Helper()
			v := testkit.NewVerifier(t, testkit.NewIssuer(t, "EdDSA"), nil)
			stop, err := interceptor.WatchHealth(health.NewServer(), v, &interceptor.HealthOptions{Interval: time.Duration(n)})
			if err == nil {
				stop()
			}
			return err
		}},
		{constant: "interceptor.shortestRecheck", beyond: "Options.RecheckStreams", step: -1, try: func(t *testing.T, n int) error {
			t.Helper()
			v := testkit.NewVerifier(t, testkit.NewIssuer(t, "EdDSA"), nil)
			_, err := interceptor.New(v, scopes.Methods{}, &interceptor.Options{RecheckStreams: time.Duration(n)})
			return err
		}},
		{constant: "bearertest.leastLifetime", beyond: "Options.Lifetime", step: -1, try: func(_ *testing.T, n int) error {
			return panicked(func() { bearertest.NewUnstartedIssuer(&bearertest.Options{Lifetime: time.Duration(n)}).Close() })
		}},
		{constant: "bearertest.leastDelay", beyond: "Fault.Delay", step: -1, try: func(t *testing.T, n int) error {
			t.Helper()
			issuer := testkit.NewIssuer(t, "EdDSA")
			return panicked(func() { issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: time.Duration(n)}) })
		}},
	}
}
