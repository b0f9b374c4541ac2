package scalekit

import (
	"context"
	"sync"
)

// callRecord collects facts about a request while the environment handles the request.
// The access log, the web page and the header field Retry-After use these facts.
type callRecord struct {
	mu      sync.Mutex // guards the fields below, because a gRPC handler can still run after its request has ended
	client  string     // ID of the calling client; empty if unknown
	tokenID string     // ID of the token that the token endpoint is about to grant
	wait    int        // seconds until the client may send the next token request
}

type callKey struct{}

func withCall(ctx context.Context) (context.Context, *callRecord) {
	c := &callRecord{}
	return context.WithValue(ctx, callKey{}, c), c
}

// callFrom returns the callRecord in a context. If the context has no callRecord, callFrom
// returns a new, empty callRecord.
func callFrom(ctx context.Context) *callRecord {
	if c, ok := ctx.Value(callKey{}).(*callRecord); ok {
		return c
	}
	return &callRecord{}
}

// modify locks c.mu while it calls the function apply.
func (c *callRecord) modify(apply func(*callRecord)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	apply(c)
}

func (c *callRecord) read() (client, tokenID string, wait int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client, c.tokenID, c.wait
}
