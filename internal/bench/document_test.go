package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

// TestDocument tests that the page contains its figures, and that the picture is valid XML. The
// measurements are invented.
func TestDocument(t *testing.T) {
	cost := measure.Cost{Ratio: 1.5, Low: 1.4, High: 1.6, Time: 41500, Allocs: 17, Bytes: 3000}
	r := &results{algorithm: "RS256", rounds: 1, memory: 1000, parts: []part{{"a rule", measure.Cost{Time: 80}}}, scaling: []workGain{{signatureCheck, 1.9}, {"new tokens", 1.9}}}
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

	page := string(r.document())
	for _, want := range []string{
		"| **bearer** | 1.50 | 1.40 to 1.60 | 13.5 µs | 8 | 3,000 | 24,500 |", "A cached token takes 1,000 bytes",
		"| text that is not a token | 70 ns | 0.00 | 0 | 90 ns |", "| 1 MiB of dots | 4.51 ms |", "| gRPC | **bearer** in a process without other data | 41.5 µs | 17 | 3,000 |", "| new tokens | 1.90 | 100 % |", "github.com/hashicorp/cap v",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("speed.md does not contain %q:\n%s", want, page)
		}
	}
	for dec := xml.NewDecoder(strings.NewReader(string(r.chart()))); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("speed.svg: %v", err)
		}
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
