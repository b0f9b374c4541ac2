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

// A hostileCost is the cost of one kind of hostile request.
type hostileCost struct {
	kind   string
	check  measure.Cost // the cost of Guard.Check if the logger discards records
	logged measure.Cost // the cost of Guard.Check if the logger formats records
	peers  []peerCost   // the costs of a whole request with its response
}

// hostile measures the cost of each kind of hostile request, relative to the signature check.
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
			return fmt.Errorf("%s: the peer refused a valid token", peer.Name)
		}
	}
	for _, kind := range mint.Hostile() {
		progress("hostile: %s", kind.Name)
		var values []string
		for range 16 {
			values = append(values, kind.Authorization())
		}
		works := []measure.Work{roundRobin("Guard.Check", checks(ctx, check, values)), roundRobin("Guard.Check with a logger that formats records", checks(ctx, logged, values))}
		h := hostileCost{kind: kind.Name}
		for i, peer := range all {
			if peer.OneKey && kind.Name == tokens.UnknownKid {
				continue // a peer with a single key accepts the token
			}
			refused := make([]func() bool, len(values))
			for j, value := range values {
				request := endpoints[i](value)
				refused[j] = func() bool { return !request() }
			}
			works = append(works, roundRobin(peer.Name, refused))
			h.peers = append(h.peers, peerCost{peer: peer})
		}
		_, costs := measure.Paired(raw, works, hostileRounds(e.rounds), e.burst/4)
		h.check, h.logged = costs[0], costs[1]
		for i, cost := range costs[2:] {
			h.peers[i].cost = cost
		}
		r.hostile = append(r.hostile, h)
	}
	return nil
}

// hostileRounds returns the number of rounds for hostile requests. The parameter is the number
// of rounds for new tokens.
func hostileRounds(rounds int) int { return rounds/3 + 1 }

// checker returns a function that calls Guard.Check and reports whether Check refused the
// request. If logger is nil, the guard has a logger that formats records.
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
		return nil, errors.New("Guard.Check refused a valid token")
	}
	return check, nil
}

// checks returns a function for each value of the Authorization field. The function calls
// check with a request that has this value.
func checks(ctx context.Context, check func(*http.Request) bool, values []string) []func() bool {
	all := make([]func() bool, len(values))
	for i, value := range values {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", value)
		all[i] = func() bool { return check(r) }
	}
	return all
}
