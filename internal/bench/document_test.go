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

// TestDocument requires a complete page and a valid picture. Its figures are made up.
func TestDocument(t *testing.T) {
	cost := measure.Cost{Ratio: 1.5, Low: 1.4, High: 1.6, Time: 41500, Allocs: 17, Bytes: 3000}
	r := &results{algorithm: "RS256", rounds: 1, memory: 1000, parts: []part{{"a rule", measure.Cost{Time: 80}}}, scaling: []scaling{{floorName, 1.9}, {"new tokens", 1.9}}}
	for _, alg := range algorithms {
		f := firstSight{alg: alg, floor: measure.Cost{Ratio: 1, Time: 27 * time.Microsecond, Allocs: 9}}
		for _, peer := range peers.All()[:4] {
			f.peers = append(f.peers, peerCost{peer, cost, 24500})
		}
		r.first = append(r.first, f)
	}
	h := hostile{kind: "garbage", check: measure.Cost{Time: 70}, logged: measure.Cost{Time: 90}}
	slow := hostile{kind: "1 MiB of dots", check: measure.Cost{Time: 4514 * time.Microsecond}}
	for _, peer := range peers.All() {
		r.repeated = append(r.repeated, repeated{"HTTP", peer, cost})
		h.peers = append(h.peers, peerCost{peer: peer, cost: cost})
	}
	r.hostile = append(r.hostile, h, slow)
	r.alone = []repeated{{"gRPC", peers.All()[0], cost}}

	page := string(r.document())
	for _, want := range []string{
		"| **bearer** | 1.50 | 1.40 to 1.60 | 13.5 µs | 8 | 3,000 | 24,500 |", "A cached token takes 1,000 bytes",
		"| garbage | 70 ns | 0.00 | 0 | 90 ns |", "| 1 MiB of dots | 4.51 ms |", "| gRPC | **bearer**, no other data in memory | 41.5 µs | 17 | 3,000 |", "| new tokens | 1.90 | 100 % |", "github.com/hashicorp/cap v",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("speed.md: got no %q in\n%s", want, page)
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
	one, others := measure.Paired(measure.Work{Name: "one", Run: loop(2000)}, []measure.Work{{Name: "four", Run: loop(8000)}}, 5, 2*time.Millisecond)
	if one.Ratio != 1 || others[0].Ratio <= 0 || others[0].Allocs != 0 {
		t.Errorf("got %+v and %+v, want a ratio of 1, and a positive ratio without allocations", one, others)
	}
}
