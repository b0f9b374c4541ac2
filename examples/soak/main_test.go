package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/picture/picturetest"
)

// shortRun returns the configuration of a run of 3 s. The events of the issuers follow each
// other ten times as fast as in the program. If the argument change is not nil, shortRun
// calls this function with the configuration.
func shortRun(change func(*config)) config {
	cfg := config{duration: 3 * time.Second, rate: 300, pace: 100 * time.Millisecond, settle: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func TestSoak(t *testing.T) {
	r, err := execute(t.Context(), shortRun(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Errorf("got error %v, want no error\n%s", err, r)
	}
	if len(r.rotations) == 0 || len(r.outages) == 0 || r.searched == 0 || r.tokenParts == 0 {
		t.Errorf("got %d rotations, %d outages and a search of %d bytes for %d parts of tokens, want more than 0 of each\n%s",
			len(r.rotations), len(r.outages), r.searched, r.tokenParts, r)
	}
	for _, reason := range []bearer.Reason{
		"", bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.WrongType, bearer.WrongBinding, bearer.MissingScope, bearer.InvalidCustom,
		bearer.BadSignature, bearer.UnknownKey, bearer.WrongAlgorithm, bearer.WrongIssuer, bearer.Malformed, bearer.NoToken, bearer.InvalidRequest,
	} {
		if r.verdicts[reason] == 0 {
			t.Errorf("got no verdict %q, want at least one", reason)
		}
	}
	if r.uncertain*2 > r.total {
		t.Errorf("got %d of %d requests for which several verdicts are correct, want fewer than half of the requests", r.uncertain, r.total)
	}
	checkSVG(t, plot(r))
}

// checkSVG tests that a person can read the picture, and that it has six panels. All reasons of
// the run must be in a group of the plot.
func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	for _, fault := range picturetest.Faults(svg) {
		t.Error(fault)
	}
	for _, want := range []string{
		">Requests by result<", ">Age of the keys<", ">Refusals by reason<", ">Latency of a verdict<", ">Token cache<", ">Heap<",
		">issuer 3<", "lower is better", runtime.Version(), "s-age", "f-outage", "f-rotation",
	} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("the SVG does not contain %q", want)
		}
	}
	if bytes.Contains(svg, []byte("other reasons")) {
		t.Error("the plot has a band for other reasons, want every reason in a group")
	}
}

// TestSoakFindsFaults tests that the run fails if the verifier or a handler is faulty.
func TestSoakFindsFaults(t *testing.T) {
	kept := []byte(nil) // the memory that a faulty handler keeps
	keep := sync.OnceFunc(func() { kept = make([]byte, 2*maxGrowth) })
	defer func() { runtime.KeepAlive(kept) }()
	release := make(chan struct{})
	defer close(release)
	// acceptAll returns a faulty verifier. Instead of an error, this verifier returns the
	// claims of the last valid token.
	acceptAll := func(v bearer.Verifier) bearer.Verifier {
		var last atomic.Pointer[bearer.Claims]
		return bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
			claims, err := v.Verify(ctx, token)
			if err == nil {
				last.Store(claims)
			} else if known := last.Load(); known != nil {
				return known, nil
			}
			return claims, err
		})
	}
	for _, row := range []struct {
		name   string
		change func(*config)
		want   string
	}{
		{"verifier accepts every token", func(c *config) { c.wrap = acceptAll }, `got verdict "", want one of ["`},
		{"verifier refuses every token", func(c *config) {
			c.wrap = func(bearer.Verifier) bearer.Verifier {
				return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.UnknownKey })
			}
		}, `want one of [""]`},
		{"handler logs the token", func(c *config) {
			c.spoil = func(ctx context.Context, s *soak) {
				claims, _ := bearer.FromContext(ctx)
				token := s.issuers[0].mint(s.issuers[0].signingKey(), nil, map[string]any{"sub": claims.Subject()})
				s.leaks.learn(token)
				slog.New(slog.NewJSONHandler(s.leaks, nil)).InfoContext(ctx, "request", "authorization", "Bearer "+token)
			}
		}, "got a part of a token in a log record"},
		{"handler leaks goroutines", func(c *config) {
			c.spoil = func(context.Context, *soak) { go func() { <-release }() }
		}, "goroutines are left after the run"},
		{"handler leaks memory", func(c *config) {
			c.spoil = func(context.Context, *soak) { keep() }
		}, "the heap grew by"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := execute(t.Context(), shortRun(func(c *config) {
				c.duration, c.settle = 800*time.Millisecond, 300*time.Millisecond
				row.change(c)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got error %v, want %q in the text", err, row.want)
			}
		})
	}
}

// TestRun tests that the program prints the figures, and that it plots the figures if -svg is
// set. For invalid arguments, the program must return an error.
func TestRun(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "soak.svg")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-duration", "1s", "-rate", "100", "-svg", svg}, &out, io.Discard); err != nil {
		t.Errorf("got error %v, want no error\n%s", err, out.String())
	}
	for _, want := range []string{"requests      ", "wrong         0 ", "goroutines    ", "token text    found 0 times", "plotted to " + svg} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got output\n%s\nwant %q in the output", out.String(), want)
		}
	}
	if _, err := os.Stat(svg); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"-duration", "0s"}, {"-duration", "2h"}, {"-rate", "0"}, {"-rate", "1000000"}, {"x"}, {"-nonsense"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: got no error, want an error", args)
		}
	}
}
