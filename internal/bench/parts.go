package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// A part is one part of bearer's work for a request, such as the check of a rule.
type part struct {
	name string
	cost measure.Cost
}

// parts measures the parts of bearer's work that depend on the number of scopes, routes and
// issuers.
func (e effort) parts(ctx context.Context, r *results) error {
	progress("rules, routes, issuers")
	mint := tokens.New(r.algorithm)
	defer mint.Close()
	raw, err := floor(mint, r.algorithm, mintMany(mint, 1))
	if err != nil {
		return err
	}
	works := append(ruleWorks(ctx), tableWorks(ctx)...)
	one, err := issuersWork(ctx, "repeated token, 1 configured issuer", 1)
	if err != nil {
		return err
	}
	many, err := issuersWork(ctx, "repeated token, 1,000 configured issuers", 1000)
	if err != nil {
		return err
	}
	works = append(works, one, many)
	_, costs := measure.Paired(raw, works, e.rounds/2, e.burst/4)
	for i, cost := range costs {
		r.parts = append(r.parts, part{works[i].Name, cost})
	}
	return nil
}

// assert panics with the message if ok is false. The program must stop, because the
// measurements are then worthless.
func assert(ok bool, message string) {
	if !ok {
		panic(message) //nolint:forbidigo // the program must stop
	}
}

func ruleWorks(ctx context.Context) []measure.Work {
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("deployments:action-%02d", (i*7)%20)
	}
	granted, err := scopes.Of(names...)
	assert(err == nil, "scopes.Of returned an error")
	backwards := make([]string, len(names))
	for i, name := range names {
		backwards[len(names)-1-i] = name
	}
	all, one := scopes.All(backwards...), scopes.All(names[13])
	return []measure.Work{
		{Name: "rule that requires 20 scopes, token with 20 scopes", Run: func() { assert(all.Allow(ctx, granted) == nil, "the rule refused a token with all required scopes") }},
		{Name: "rule that requires one scope, token with 20 scopes", Run: func() { assert(one.Allow(ctx, granted) == nil, "the rule refused a token with the required scope") }},
	}
}

func tableWorks(ctx context.Context) []measure.Work {
	table := new(scopes.Table)
	for i := range 250 {
		table.Handle(fmt.Sprintf("GET /v1/things%d", i), scopes.All("a"))
		table.Handle(fmt.Sprintf("POST /v1/things%d", i), scopes.All("b"))
		table.Handle(fmt.Sprintf("GET /v1/things%d/{id}", i), scopes.All("a"))
		table.Handle(fmt.Sprintf("DELETE /v1/things%d/{id}/parts/{part}", i), scopes.All("c"))
	}
	findRule := func(name, method, path string) measure.Work {
		r := httptest.NewRequestWithContext(ctx, method, path, http.NoBody)
		return measure.Work{Name: "table of 1,000 routes, " + name, Run: func() {
			rule, _ := table.Rule(r)
			assert(!rule.IsZero(), "the table found no rule")
		}}
	}
	return []measure.Work{
		findRule("route without a wildcard", http.MethodPost, "/v1/things17"),
		findRule("route with one wildcard", http.MethodGet, "/v1/things200/8d3f"),
		findRule("route with two wildcards", http.MethodDelete, "/v1/things249/8d3f/parts/7"),
	}
}

// issuersWork returns the work of verifying a repeated token with n configured issuers.
func issuersWork(ctx context.Context, name string, n int) (measure.Work, error) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://0.issuer.example", Algorithms: []string{"EdDSA"}, Audience: []string{"api"}})
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		return measure.Work{}, err
	}
	issuers := new(bearer.Issuers)
	configs := make([]bearer.Config, n)
	for i := range configs {
		configs[i] = bearer.Config{Issuer: fmt.Sprintf("https://%d.issuer.example", i), Audience: []string{"api"}, Keys: keys}
	}
	if err := issuers.Add(configs...); err != nil { //nolint:contextcheck // the caches have their own contexts
		return measure.Work{}, err
	}
	token := issuer.Token(nil)
	return measure.Work{Name: name, Run: func() {
		_, err := issuers.Verify(ctx, token)
		assert(err == nil, "Issuers.Verify refused a valid token")
	}}, nil
}

// A workGain is the gain of one work from a second processor.
type workGain struct {
	name string
	gain float64 // the throughput with two processors, divided by the throughput with one processor
}

func (e effort) scaling(ctx context.Context, r *results) error {
	if runtime.NumCPU() < 2 {
		return nil
	}
	progress("two processors")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mint := tokens.New(r.algorithm)
	defer mint.Close()
	const many = 10_000
	list := mintMany(mint, many)
	signed := list[0]
	for i, token := range list {
		list[i] = "Bearer " + token
	}
	large, err := workers(ctx, mint, 2*many)
	if err != nil {
		return err
	}
	small, err := workers(ctx, mint, fewTokens)
	if err != nil {
		return err
	}
	raw := func(int) func() {
		run, err := tokens.Raw(signed, r.algorithm, mint.Key())
		assert(err == nil, "the key has an unknown type")
		return func() { assert(run(), "the signature check refused a valid signature") }
	}
	warm := large(list)(0)
	for range many {
		warm()
	}
	names := []string{signatureCheck, "new tokens", "one repeated token", "10,000 repeated tokens"}
	gains := measure.Scaling(e.rounds/4+1, 5*e.burst, raw, small(list[:2*fewTokens], list[2*fewTokens:4*fewTokens]), large(list[:1]), large(list))
	for i, gain := range gains {
		r.scaling = append(r.scaling, workGain{names[i], gain})
	}
	return nil
}

// workers returns a function that creates the workers of measure.Scaling. Each worker has a
// request of its own. It sends this request with the credentials of a list, one after the
// other. If there is one list, both workers use this list, but start at different places. If
// there are two lists, each worker has a list of its own.
func workers(ctx context.Context, mint *tokens.Mint, cacheSize int) (func(lists ...[]string) func(int) func(), error) {
	setup := mint.Setup()
	setup.CacheSize = cacheSize
	guard, err := peers.Guard(ctx, setup)
	if err != nil {
		return nil, err
	}
	handler := guard.Require(scopes.All(setup.Scope))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return func(lists ...[]string) func(int) func() {
		return func(n int) func() {
			list := lists[n%len(lists)]
			w := &struct { // the padding keeps the counters of two workers in different cache lines
				_ [64]byte
				i int
				_ [64]byte
			}{i: n * len(list) / 2}
			values := make([]string, 1, 16)
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
			r.Header["Authorization"] = values
			return func() {
				w.i++
				values[0] = list[w.i%len(list)]
				handler.ServeHTTP(noResponse{}, r)
			}
		}
	}, nil
}

// noResponse is the response writer for requests that must be accepted. The handler writes
// nothing, so only a refusal calls Header.
type noResponse struct{ http.ResponseWriter }

func (noResponse) Header() http.Header { panic("the guard refused a valid token") } //nolint:forbidigo // the program must stop, because the measurements are worthless

// memory measures the number of bytes that one token takes in bearer's cache.
func (e effort) memory(ctx context.Context, r *results) error {
	progress("memory")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mint := tokens.New(r.algorithm)
	defer mint.Close()
	setup := mint.Setup()
	v, err := peers.Verifier(ctx, setup)
	if err != nil {
		return err
	}
	list := mintMany(mint, 2000)
	before := heap()
	for _, token := range list {
		if _, err := v.Verify(ctx, token); err != nil {
			return err
		}
	}
	r.memory = (heap() - before) / int64(len(list))
	runtime.KeepAlive(list)
	runtime.KeepAlive(v)
	return nil
}

// heap returns the number of heap bytes in use.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below the maximum of an int64
}
