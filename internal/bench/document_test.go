package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/picture"
	"github.com/bearerkit/bearer/internal/picture/picturetest"
)

// invented returns results that were not measured.
func invented() *results {
	cost := measure.Cost{Ratio: 1.5, Low: 1.4, High: 1.6, Time: 41500, Allocs: 17, Bytes: 3000}
	r := &results{algorithm: "RS256", rounds: 1, measured: picture.Measured(time.Now()), memory: 1000, parts: []part{{"a rule", measure.Cost{Time: 80}}}, scaling: []workGain{{signatureCheck, 1.9}, {"new tokens", 1.9}}}
	for _, alg := range algorithms {
		f := newTokenCost{alg: alg, floor: measure.Cost{Ratio: 1, Time: 27 * time.Microsecond, Allocs: 9}}
		for _, peer := range peers.All()[:4] {
			f.peers = append(f.peers, peerCost{peer, cost, 24500})
		}
		r.first = append(r.first, f)
	}
	h := hostileCost{kind: "text that is not a token", check: measure.Cost{Time: 70}, logged: measure.Cost{Time: 90}}
	slow := hostileCost{kind: "1 MiB of dots", check: measure.Cost{Time: 4514 * time.Microsecond}}
	for _, peer := range peers.All() {
		r.repeated = append(r.repeated, repeatedCost{"HTTP", peer, cost})
		h.peers = append(h.peers, peerCost{peer: peer, cost: cost})
	}
	r.hostile = append(r.hostile, h, slow)
	r.alone = []repeatedCost{{"gRPC", peers.All()[0], cost}}

	return r
}

// TestDocument tests that the page contains its figures.
func TestDocument(t *testing.T) {
	r := invented()
	page := string(r.document())
	for _, want := range []string{
		"| **bearer** | 1.50 | 1.40 to 1.60 | 13.5 µs | 8 | 3,000 | 24,500 |", "A cached token takes 1,000 bytes",
		"| text that is not a token | 70 ns | 0.00 | 0 | 90 ns |", "| 1 MiB of dots | 4.51 ms |", "| gRPC | **bearer** in a process without other data | 41.5 µs | 17 | 3,000 |", "| new tokens | 1.90 | 100 % |", "github.com/hashicorp/cap v",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("speed.md does not contain %q:\n%s", want, page)
		}
	}
}

// TestChart tests that the picture has no faults, says that lower is better, and has one unit in
// each chart.
func TestChart(t *testing.T) {
	r := invented()
	for i := range r.repeated { // from 450 ns to 99 ms, which page and picture format with different units
		r.repeated[i].cost.Time = 450 * time.Duration(math.Pow(3.9, float64(i)))
	}
	for i := range r.first[0].peers {
		r.first[0].peers[i].cost.Ratio = 1.1 + float64(i)
	}
	svg := string(r.chart())
	for _, fault := range picturetest.Faults([]byte(svg)) {
		t.Error(fault)
	}
	for _, want := range []string{"Lower is better.", ">0.45<", ">1.10<", runtime.Version(), time.Now().UTC().Format(time.DateOnly), ">µs<", ">ratio<", "New token", "Repeated token"} {
		if !strings.Contains(svg, want) {
			t.Errorf("speed.svg does not contain %q:\n%s", want, svg)
		}
	}
	for _, unit := range []string{" ns", " ms"} {
		if strings.Contains(svg, unit) {
			t.Errorf("speed.svg contains the unit %q, want only µs", unit)
		}
	}
}

// TestWrite tests that the command changes files only if the user passes the flag -o.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files := func() (names []string) {
		entries, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	var out bytes.Buffer
	if err := invented().write("", &out); err != nil {
		t.Fatal(err)
	}
	if got := files(); len(got) > 0 || !strings.HasPrefix(out.String(), "# Speed\n") {
		t.Errorf("without -o: got the files %q and the output %q, want no file and the page", got, out.String())
	}
	out.Reset()
	if err := invented().write(dir, &out); err != nil {
		t.Fatal(err)
	}
	if got := files(); !slices.Equal(got, []string{"speed.md", "speed.svg"}) || out.Len() > 0 {
		t.Errorf("with -o: got the files %q and the output %q, want both files and no output", got, out.String())
	}
}

// TestRunRefusesArguments tests that the command refuses wrong arguments before it measures.
func TestRunRefusesArguments(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-o", filepath.Join(dir, "missing")}, {"-o", file}, {"docs"}, {"-nonsense"}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began := time.Now()
		if err := run(ctx, args, io.Discard, io.Discard); err == nil || time.Since(began) > time.Second {
			t.Errorf("%v: got error %v after %v, want an error at once", args, err, time.Since(began))
		}
		cancel()
	}
}

func TestPaired(t *testing.T) {
	sink := 0
	loop := func(n int) func() {
		return func() {
			for i := range n {
				sink += i
			}
		}
	}
	floor, others := measure.Paired(measure.Work{Name: "one", Run: loop(2000)}, []measure.Work{{Name: "four", Run: loop(8000)}}, 5, 2*time.Millisecond)
	if floor.Ratio != 1 || others[0].Ratio <= 0 || others[0].Allocs != 0 {
		t.Errorf("got the costs %+v and %+v, want the ratio 1 for the floor, and a positive ratio and no allocations for the work", floor, others)
	}
}
