package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
	"github.com/bearerkit/bearer/scopes"
)

// hostile is the cost of one kind of hostile request.
type hostile struct {
	kind   string
	check  measure.Cost // bearer's Guard.Check, which writes no response, with a logger that discards records
	logged measure.Cost // bearer's Guard.Check with a logger that formats records
	peers  []peerCost   // all peers, including the responses that they write
}

// hostile measures each kind of hostile request against the signature alone.
func (e effort) hostile(ctx context.Context, r *results) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mint := tokens.New(r.algorithm)
	defer mint.Close()
	raw, err := floor(mint, r.algorithm, mintMany(mint, 1))
	if err != nil {
		return err
	}
	check, err := checker(ctx, mint, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	logged, err := checker(ctx, mint, nil)
	if err != nil {
		return err
	}
	all := peers.All()
	endpoints := make([]peers.Endpoint, len(all))
	for i, peer := range all {
		if endpoints[i], err = peer.Open(ctx, mint.Setup()); err != nil {
			return fmt.Errorf("%s: %w", peer.Name, err)
		}
		if !endpoints[i]("Bearer " + mint.Token())() { // this request makes the peer fetch the keys
			return fmt.Errorf("%s: a valid token was refused", peer.Name)
		}
	}
	for _, kind := range mint.Hostile() {
		progress("hostile: %s", kind.Name)
		var values []string
		for range 16 {
			values = append(values, kind.Authorization())
		}
		works := []measure.Work{inTurn("Check", checks(ctx, check, values)), inTurn("Check, logged", checks(ctx, logged, values))}
		h := hostile{kind: kind.Name}
		for i, peer := range all {
			if peer.OneKey && kind.Name == "unknown kid" {
				continue // for this peer the token is valid
			}
			refused := make([]func() bool, len(values))
			for j, value := range values {
				request := endpoints[i](value)
				refused[j] = func() bool { return !request() }
			}
			works = append(works, inTurn(peer.Name, refused))
			h.peers = append(h.peers, peerCost{peer: peer})
		}
		_, costs := measure.Paired(raw, works, e.rounds/3+1, e.burst/4)
		h.check, h.logged = costs[0], costs[1]
		for i, cost := range costs[2:] {
			h.peers[i].cost = cost
		}
		r.hostile = append(r.hostile, h)
	}
	return nil
}

// checker returns a function that calls Guard.Check of bearer and reports whether the
// request was refused. A nil logger means a logger that formats records.
func checker(ctx context.Context, mint *tokens.Mint, logger *slog.Logger) (func(*http.Request) bool, error) {
	setup := mint.Setup()
	setup.Logger = logger
	guard, err := peers.Guard(ctx, setup)
	if err != nil {
		return nil, err
	}
	rule := scopes.All(mint.Setup().Scope)
	check := func(r *http.Request) bool {
		_, err := guard.Check(r, rule)
		return err != nil
	}
	if checks(ctx, check, []string{"Bearer " + mint.Token()})[0]() {
		return nil, errors.New("a valid token was refused")
	}
	return check, nil
}

// checks returns a call of check for each value of the Authorization field.
func checks(ctx context.Context, check func(*http.Request) bool, values []string) []func() bool {
	all := make([]func() bool, len(values))
	for i, value := range values {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", value)
		all[i] = func() bool { return check(r) }
	}
	return all
}
