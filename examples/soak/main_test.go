package main

import (
	"bytes"
	"context"
	"encoding/xml"
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
)

// short is a run of some seconds, in which issuers live ten times as fast. What a
// verdict must be does not depend on how fast this machine is.
func short(change func(*config)) config {
	cfg := config{duration: 3 * time.Second, rate: 300, pace: 100 * time.Millisecond, settle: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func TestSoak(t *testing.T) {
	r, err := execute(t.Context(), short(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
	if r.rotations == 0 || len(r.outages) == 0 || r.searched == 0 || r.remembered == 0 {
		t.Errorf("got %d rotations, %d outages, %d bytes searched for %d parts of tokens, want some of each\n%s",
			r.rotations, len(r.outages), r.searched, r.remembered, r)
	}
	for _, reason := range []bearer.Reason{
		"", bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.WrongType, bearer.WrongBinding, bearer.MissingScope, bearer.InvalidCustom,
		bearer.BadSignature, bearer.UnknownKey, bearer.WrongAlgorithm, bearer.WrongIssuer, bearer.Malformed, bearer.NoToken, bearer.InvalidRequest,
	} {
		if r.verdicts[reason] == 0 {
			t.Errorf("got no verdict %q, want some", reason)
		}
	}
	if r.uncertain*2 > r.total {
		t.Errorf("got %d of %d verdicts that could be one of several, want most of them to be known", r.uncertain, r.total)
	}
	checkSVG(t, plot(r))
}

// checkSVG wants a document that can be drawn, with six panels, and in each panel a
// line for every name in its legend. Lines of the grid do not count: how many there
// are depends on the values, and so on how fast the machine is.
func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	var document struct {
		Panels []struct {
			Paths []struct {
				Stroke string `xml:"stroke,attr"`
			} `xml:"path"`
			Rects []struct {
				Width string `xml:"width,attr"`
			} `xml:"rect"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal(svg, &document); err != nil {
		t.Fatal(err)
	}
	if got := len(document.Panels); got != 6 {
		t.Errorf("got %d panels, want 6", got)
	}
	for i, panel := range document.Panels {
		lines, names := 0, 0
		for _, path := range panel.Paths {
			if path.Stroke != "#e8eaed" {
				lines++
			}
		}
		for _, rect := range panel.Rects {
			if rect.Width == "10" {
				names++
			}
		}
		if lines == 0 || lines != names {
			t.Errorf("panel %d: got %d lines, want one for each of %d names", i+1, lines, names)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if bytes.Contains(svg, []byte(bad)) {
			t.Errorf("got %q in the SVG", bad)
		}
	}
}

// TestSoakFinds wants the run to fail for whatever is wrong: it is worth nothing
// otherwise.
func TestSoakFinds(t *testing.T) {
	kept := []byte(nil) // what a spoilt handler holds on to
	keep := sync.OnceFunc(func() { kept = make([]byte, 2*maxGrowth) })
	defer func() { runtime.KeepAlive(kept) }()
	release := make(chan struct{})
	defer close(release)
	// It answers as for the last good token whatever it should refuse.
	credulous := func(v bearer.Verifier) bearer.Verifier {
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
		{"a verifier that takes what it must refuse", func(c *config) { c.wrap = credulous }, `got verdict "", want one of ["`},
		{"one that blames the caller for our fault", func(c *config) {
			c.wrap = func(bearer.Verifier) bearer.Verifier {
				return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.UnknownKey })
			}
		}, `want one of [""]`},
		{"a handler that logs the token", func(c *config) {
			c.spoil = func(ctx context.Context, s *soak) {
				claims, _ := bearer.FromContext(ctx)
				token := s.issuers[0].mint(s.issuers[0].current(), nil, map[string]any{"sub": claims.Subject()})
				s.leaks.learn(token)
				slog.New(slog.NewJSONHandler(s.leaks, nil)).InfoContext(ctx, "request", "authorization", "Bearer "+token)
			}
		}, "times a part of a token in a log record"},
		{"a goroutine for each request", func(c *config) {
			c.spoil = func(context.Context, *soak) { go func() { <-release }() }
		}, "goroutines are left of the run"},
		{"memory for each request", func(c *config) {
			c.spoil = func(context.Context, *soak) { keep() }
		}, "the heap grew by"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := execute(t.Context(), short(func(c *config) {
				c.duration, c.settle = 800*time.Millisecond, 300*time.Millisecond
				row.change(c)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

// TestRun wants the figures printed, plotted where that is asked for, and bad
// arguments refused.
func TestRun(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "soak.svg")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-duration", "1s", "-rate", "100", "-svg", svg}, &out, io.Discard); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"requests      ", "wrong         0 ", "goroutines    ", "token text    0 times", "plotted to " + svg} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got no %q in\n%s", want, out.String())
		}
	}
	if _, err := os.Stat(svg); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"-duration", "0s"}, {"-duration", "2h"}, {"-rate", "0"}, {"-rate", "1000000"}, {"x"}, {"-nonsense"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: got no error", args)
		}
	}
}
