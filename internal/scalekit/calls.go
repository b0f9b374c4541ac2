package scalekit

import (
	"context"
	"sync"
)

// call collects facts about a request while it is handled. The access log, the web page
// and the Retry-After field use them.
type call struct {
	mu      sync.Mutex // guards the fields below: a gRPC handler may outlive its request
	client  string     // ID of the calling client; empty if unknown
	tokenID string     // ID of the token that is about to be granted
	wait    int        // seconds until the client may try again
}

type callKey struct{}

func withCall(ctx context.Context) (context.Context, *call) {
	c := &call{}
	return context.WithValue(ctx, callKey{}, c), c
}

// callFrom returns the call in a context. Without a call, it returns a new call, which
// nothing reads.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// note calls change with the lock held.
func (c *call) note(change func(*call)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *call) read() (client, tokenID string, wait int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client, c.tokenID, c.wait
}
