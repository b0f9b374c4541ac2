package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

// effort controls how long and how accurately the program measures.
type effort struct {
	rounds       int
	burst        time.Duration
	instructions bool
}

// results holds all measurements.
type results struct {
	first     []firstSight
	repeated  []repeated
	hostile   []hostile
	parts     []part
	scaling   []scaling
	alone     []repeated // bearer, with no other data in memory
	memory    int64      // bytes of a cached token
	algorithm string     // of all measurements except first
	rounds    int
}

// tokenLength is the length of the RS256 token in characters.
const tokenLength = 926

// firstSight is the cost of a new token for each peer, and the cost of the signature alone.
type firstSight struct {
	alg   string
	floor measure.Cost
	peers []peerCost
}

type peerCost struct {
	peer         peers.Peer
	cost         measure.Cost
	instructions int64 // without the instructions of the floor; 0 if not counted
}

// repeated is the cost of a repeated token.
type repeated struct {
	transport string
	peer      peers.Peer
	cost      measure.Cost
}

// serviceMemory is the live memory of a service, without its guard. With less live memory
// the garbage collector runs more often: 300 times a second in a program without other data.
const serviceMemory = 64 << 20

// fewTokens is a cache size. If twice as many tokens take turns, the cache evicts each
// token before its next turn.
const fewTokens = 64

func (e effort) measure(ctx context.Context) (*results, error) {
	r := &results{algorithm: "RS256", rounds: e.rounds}
	for _, step := range []func(context.Context, *results) error{e.memory, e.alone} { // first, while there is no other data in memory
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	others := make([]byte, serviceMemory)
	defer runtime.KeepAlive(others)
	for _, alg := range algorithms {
		f, err := e.firstSight(ctx, alg)
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
	return r, nil
}

// requests returns a function for each token, which sends a request with the token.
func requests(endpoint peers.Endpoint, list []string) []func() bool {
	all := make([]func() bool, len(list))
	for i, token := range list {
		all[i] = endpoint("Bearer " + token)
	}
	return all
}

// inTurn returns a work that calls one function after the other. It panics if a function
// returns false.
func inTurn(name string, all []func() bool) measure.Work {
	i := 0
	return measure.Work{Name: name, Run: func() {
		if i++; !all[i%len(all)]() {
			panic(name + ": got a wrong verdict") //nolint:forbidigo // stops the program: the measurements are worthless
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

// floor returns the work of verifying only the signatures of the tokens.
func floor(mint *tokens.Mint, alg string, list []string) (measure.Work, error) {
	all := make([]func() bool, len(list))
	for i, token := range list {
		var err error
		if all[i], err = tokens.Raw(token, alg, mint.Key()); err != nil {
			return measure.Work{}, err
		}
	}
	return inTurn(floorName, all), nil
}

func (e effort) firstSight(ctx context.Context, alg string) (firstSight, error) {
	progress("new tokens, %s", alg)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := firstSight{alg: alg}
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
			continue // it verifies a new token with golang-jwt, which is another peer
		}
		endpoint, err := peer.Open(ctx, setup)
		if err != nil {
			return f, fmt.Errorf("%s: %w", peer.Name, err)
		}
		works = append(works, inTurn(peer.Name, requests(endpoint, list)))
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
	return f, e.count(ctx, mint, &f)
}

// count counts the instructions for a new token: with RS256 for all peers, with the other
// algorithms only for bearer.
func (e effort) count(ctx context.Context, mint *tokens.Mint, f *firstSight) error {
	list := mintMany(mint, measure.MostUnits)
	progress("instructions, %s", f.alg)
	raw, err := instructions(ctx, mint.Setup(), list, floorName)
	if err != nil {
		progress("no instructions counted: %v", err)
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

// alone measures repeated tokens with bearer, with no other data in memory.
func (e effort) alone(ctx context.Context, r *results) (err error) {
	progress("repeated tokens, no other data in memory")
	r.alone, err = e.repeatedTokens(ctx, r.algorithm, peers.All()[:1], peers.GRPC()[:1])
	return err
}

// repeatedTokens measures a repeated token with each peer.
func (e effort) repeatedTokens(ctx context.Context, alg string, http, grpc []peers.Peer) ([]repeated, error) {
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
	var all []repeated
	for _, transport := range []struct {
		name  string
		peers []peers.Peer
	}{{"HTTP", http}, {"gRPC", grpc}} {
		for _, peer := range transport.peers {
			endpoint, err := peer.Open(ctx, mint.Setup())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peer.Name, err)
			}
			works = append(works, inTurn(peer.Name, requests(endpoint, list)))
			all = append(all, repeated{transport: transport.name, peer: peer})
		}
	}
	_, costs := measure.Paired(raw, works, e.rounds, e.burst/2)
	for i, cost := range costs {
		all[i].cost = cost
	}
	return all, nil
}
