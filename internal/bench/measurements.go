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

// effort is how much to measure.
type effort struct {
	rounds       int
	burst        time.Duration
	instructions bool
}

// results is everything that was measured.
type results struct {
	first     []firstSight
	repeated  []repeated
	hostile   []hostile
	judged    []small
	scaling   []scaling
	alone     []repeated // ours, where nothing else is in memory
	memory    int64
	algorithm string // of all but the first
	rounds    int
}

// tokenLength is that of the RS256 token.
const tokenLength = 926

// firstSight is what a new token costs a peer, and the floor.
type firstSight struct {
	alg   string
	floor measure.Cost
	peers []peerCost
}

type peerCost struct {
	peer         peers.Peer
	cost         measure.Cost
	instructions int64 // over the floor's; 0: not counted
}

// repeated is what a token costs that came before.
type repeated struct {
	transport string
	peer      peers.Peer
	cost      measure.Cost
}

// serviceMemory is as much live memory as a service has beside its guard. How often
// the garbage collector runs depends on it: in a program that does nothing but
// measure it is 300 times a second.
const serviceMemory = 64 << 20

// fewTokens is so small a cache that none of twice as many tokens is in it when it
// comes again.
const fewTokens = 64

func (e effort) measure(ctx context.Context) (*results, error) {
	r := &results{algorithm: "RS256", rounds: e.rounds}
	for _, step := range []func(context.Context, *results) error{e.memory, e.alone} { // before there is anything else to forget
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	others := make([]byte, serviceMemory)
	defer runtime.KeepAlive(others)
	for _, alg := range algorithms {
		f, err := e.firstSight(ctx, alg)
		if err != nil {
			return nil, fmt.Errorf("first sight, %s: %w", alg, err)
		}
		r.first = append(r.first, f)
	}
	for _, step := range []func(context.Context, *results) error{e.repeated, e.hostile, e.judged, e.scaling} {
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// requests returns one request for each token.
func requests(door peers.Door, list []string) []func() bool {
	all := make([]func() bool, len(list))
	for i, token := range list {
		all[i] = door("Bearer " + token)
	}
	return all
}

// inTurn is one request after the other, all of which must be let through.
func inTurn(name string, all []func() bool) measure.Work {
	i := 0
	return measure.Work{Name: name, Run: func() {
		if i++; !all[i%len(all)]() {
			panic(name + ": it answers otherwise than at first") //nolint:forbidigo // nothing that was measured is worth anything
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

// floor is the signatures of the tokens alone.
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
	progress("first sight, %s", alg)
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
		if peer.Remembers && peer.Name != peers.Ours {
			continue // it is another one with a cache in front
		}
		door, err := peer.Open(ctx, setup)
		if err != nil {
			return f, fmt.Errorf("%s: %w", peer.Name, err)
		}
		works = append(works, inTurn(peer.Name, requests(door, list)))
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

// count counts the instructions of all peers with RS256, and ours with the others.
func (e effort) count(ctx context.Context, mint *tokens.Mint, f *firstSight) error {
	list := mintMany(mint, measure.MostUnits)
	progress("instructions, %s", f.alg)
	raw, err := instructions(ctx, mint.Setup(), list, floorName)
	if err != nil {
		progress("instructions are not counted: %v", err)
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
	r.repeated, err = e.again(ctx, r.algorithm, peers.All(), peers.GRPC())
	return err
}

// alone measures ours as it is in a small program.
func (e effort) alone(ctx context.Context, r *results) (err error) {
	progress("repeated tokens, nothing else in memory")
	r.alone, err = e.again(ctx, r.algorithm, peers.All()[:1], peers.GRPC()[:1])
	return err
}

// again measures tokens that came before.
func (e effort) again(ctx context.Context, alg string, http, grpc []peers.Peer) ([]repeated, error) {
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
			door, err := peer.Open(ctx, mint.Setup())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peer.Name, err)
			}
			works = append(works, inTurn(peer.Name, requests(door, list)))
			all = append(all, repeated{transport: transport.name, peer: peer})
		}
	}
	_, costs := measure.Paired(raw, works, e.rounds, e.burst/2)
	for i, cost := range costs {
		all[i].cost = cost
	}
	return all, nil
}
