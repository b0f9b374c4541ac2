package scalekit

import (
	"context"
	"sync"
)

// call is what becomes known about a request while it is answered, for the
// access log and the page.
type call struct {
	mu      sync.Mutex // guards what follows: a gRPC handler may outlive its request
	client  string     // who makes it; empty: nobody that is known
	tokenID string     // of the token that is about to be granted
	wait    int        // seconds until the client may try again
}

type callKey struct{}

func withCall(ctx context.Context) (context.Context, *call) {
	c := &call{}
	return context.WithValue(ctx, callKey{}, c), c
}

// callOf returns the call that a context belongs to, or one that nobody reads.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// note changes what is known.
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
