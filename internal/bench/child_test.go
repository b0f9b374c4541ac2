package main

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

// TestJob tests that each peer accepts a valid token after the job was written as JSON, which is how
// the child process under valgrind gets the job.
func TestJob(t *testing.T) {
	mint := tokens.New("RS256")
	defer mint.Close()
	for _, peer := range peers.All() {
		text, err := json.Marshal(job{Peer: peer.Name, Setup: mint.Setup(), Tokens: []string{mint.Token()}})
		if err != nil {
			t.Fatal(err)
		}
		var j job
		if err := json.Unmarshal(text, &j); err != nil {
			t.Fatal(err)
		}
		requests, err := j.requests(t.Context())
		if err != nil {
			t.Errorf("%s: %v", peer.Name, err)
			continue
		}
		if !requests[0]() {
			t.Errorf("%s: the peer refused a valid token, want it accepted", peer.Name)
		}
	}
}
