package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
	"github.com/bearerkit/bearer/internal/picture"
)

var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

// effort controls the duration and the accuracy of the measurements.
type effort struct {
	rounds       int
	burst        time.Duration // the duration of one work in one round
	instructions bool          // whether to count instructions
}

// results holds all measurements.
type results struct {
	first     []newTokenCost
	repeated  []repeatedCost
	hostile   []hostileCost
	parts     []part
	scaling   []workGain
	alone     []repeatedCost // the costs of bearer in a process without other data
	memory    int64          // the size of a cached token in bytes
	algorithm string         // the algorithm of the tokens, in all fields except first
	rounds    int
	measured  string // the date, the Go version and the machine, as a sentence
}

// tokenLength is the length of the RS256 token in characters.
const tokenLength = 926

// A newTokenCost is the cost of a new token for each peer, and the cost of the signature check.
type newTokenCost struct {
	alg   string
	floor measure.Cost // the cost of the signature check
	peers []peerCost
}

type peerCost struct {
	peer         peers.Peer
	cost         measure.Cost
	instructions int64 // not including the instructions of the signature check; 0 if the instructions were not counted
}

// A repeatedCost is the cost of a repeated token for one peer.
type repeatedCost struct {
	transport string
	peer      peers.Peer
	cost      measure.Cost
}

// serviceMemory is the size of the other data in a service. With less data, the garbage
// collector runs more often. In a process without other data, it runs about 300 times a second.
const serviceMemory = 64 << 20

// fewTokens is a cache size. The measurement of new tokens sends twice as many tokens, one
// after the other, so that the cache evicts each token before its next request.
const fewTokens = 64

func (e effort) measure(ctx context.Context) (*results, error) {
	r := &results{algorithm: "RS256", rounds: e.rounds}
	for _, step := range []func(context.Context, *results) error{e.memory, e.withoutData} { // before the process allocates other data
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	otherData := make([]byte, serviceMemory)
	defer runtime.KeepAlive(otherData)
	for _, alg := range algorithms {
		f, err := e.newTokens(ctx, alg)
		if err != nil {
			return nil, fmt.Errorf("new tokens, %s: %w", alg, err)
		}
		r.first = append(r.first, f)
	}
	for _, step := range []func(context.Context, *results) error{e.repeated, e.hostile, e.parts, e.scaling} {
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	r.measured = picture.Measured(time.Now())
	return r, nil
}

// requests returns a function for each token. The function sends a request with the token, and
// reports whether the peer accepted the request.
func requests(endpoint peers.Endpoint, list []string) []func() bool {
	all := make([]func() bool, len(list))
	for i, token := range list {
		all[i] = endpoint("Bearer " + token)
	}
	return all
}

// roundRobin returns a Work. Each call of Run calls the next of these functions.
// After the last function, Run starts again with the first function. Run panics if a function
// returns false.
func roundRobin(name string, all []func() bool) measure.Work {
	i := 0
	return measure.Work{Name: name, Run: func() {
		if i++; !all[i%len(all)]() {
			panic(name + ": a request had the wrong result") //nolint:forbidigo // the program must stop, because the measurements are worthless
		}
	}}
}

// mintMany returns n tokens.
func mintMany(mint *tokens.Mint, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = mint.Token()
	}
	return list
}

// floor returns the signature check of the tokens, which is the floor of all measurements.
func floor(mint *tokens.Mint, alg string, list []string) (measure.Work, error) {
	all := make([]func() bool, len(list))
	for i, token := range list {
		var err error
		if all[i], err = tokens.Raw(token, alg, mint.Key()); err != nil {
			return measure.Work{}, err
		}
	}
	return roundRobin(signatureCheck, all), nil
}

func (e effort) newTokens(ctx context.Context, alg string) (newTokenCost, error) {
	progress("new tokens, %s", alg)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := newTokenCost{alg: alg}
	mint := tokens.New(alg)
	defer mint.Close()
	setup := mint.Setup()
	setup.CacheSize = fewTokens
	list := mintMany(mint, 2*fewTokens)
	raw, err := floor(mint, alg, list)
	if err != nil {
		return f, err
	}
	var works []measure.Work
	for _, peer := range peers.All() {
		if peer.Caches && peer.Name != peers.Ours {
			continue // this peer verifies a new token with golang-jwt, which is measured as a peer of its own
		}
		endpoint, err := peer.Open(ctx, setup)
		if err != nil {
			return f, fmt.Errorf("%s: %w", peer.Name, err)
		}
		works = append(works, roundRobin(peer.Name, requests(endpoint, list)))
		f.peers = append(f.peers, peerCost{peer: peer})
	}
	var costs []measure.Cost
	f.floor, costs = measure.Paired(raw, works, e.rounds, e.burst)
	for i, cost := range costs {
		f.peers[i].cost = cost
	}
	if !e.instructions {
		return f, nil
	}
	return f, e.countNew(ctx, mint, &f)
}

// countNew counts the instructions for a new token. With RS256, it counts for all peers. With
// the other algorithms, it counts only for bearer.
func (e effort) countNew(ctx context.Context, mint *tokens.Mint, f *newTokenCost) error {
	list := mintMany(mint, measure.MostUnits)
	progress("instructions, %s", f.alg)
	raw, err := instructions(ctx, mint.Setup(), list, signatureCheck)
	if err != nil {
		progress("cannot count instructions: %v", err)
		return nil
	}
	for i := range f.peers {
		p := &f.peers[i]
		if f.alg != "RS256" && p.peer.Name != peers.Ours {
			continue
		}
		n, err := instructions(ctx, mint.Setup(), list, p.peer.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", p.peer.Name, err)
		}
		p.instructions = n - raw
	}
	return nil
}

func (e effort) repeated(ctx context.Context, r *results) (err error) {
	progress("repeated tokens")
	r.repeated, err = e.repeatedTokens(ctx, r.algorithm, peers.All(), peers.GRPC())
	return err
}

// withoutData measures a repeated token with bearer, in a process without other data.
func (e effort) withoutData(ctx context.Context, r *results) (err error) {
	progress("repeated tokens, process without other data")
	r.alone, err = e.repeatedTokens(ctx, r.algorithm, peers.All()[:1], peers.GRPC()[:1])
	return err
}

// repeatedTokens measures a repeated token with each peer.
func (e effort) repeatedTokens(ctx context.Context, alg string, http, grpc []peers.Peer) ([]repeatedCost, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mint := tokens.New(alg)
	defer mint.Close()
	list := mintMany(mint, 1)
	raw, err := floor(mint, alg, list)
	if err != nil {
		return nil, err
	}
	var works []measure.Work
	var all []repeatedCost
	for _, transport := range []struct {
		name  string
		peers []peers.Peer
	}{{"HTTP", http}, {"gRPC", grpc}} {
		for _, peer := range transport.peers {
			endpoint, err := peer.Open(ctx, mint.Setup())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peer.Name, err)
			}
			works = append(works, roundRobin(peer.Name, requests(endpoint, list)))
			all = append(all, repeatedCost{transport: transport.name, peer: peer})
		}
	}
	_, costs := measure.Paired(raw, works, e.rounds, e.burst/2)
	for i, cost := range costs {
		all[i].cost = cost
	}
	return all, nil
}
