package jwks

import (
	"time"

	"github.com/bearerkit/bearer/internal/perminute"
)

// maxForgotten is the largest number of log records per minute about forgotten caches of this
// process.
const maxForgotten = 20

// forgotten counts the forgotten caches of this process, because a service that creates a verifier
// for each request forgets many.
var forgotten perminute.Count //nolint:gochecknoglobals // the limit is for the whole process

// abandon ends the refresher of a Cache that the program has forgotten. It does not wait, because
// the runtime calls it.
func (c *core) abandon() {
	c.abandoned.Store(true)
	c.cancel()
}

// reportAbandoned writes a log record if the cache ends because the program has forgotten it.
func (c *core) reportAbandoned() {
	if !c.abandoned.Load() {
		return
	}
	c.events.close(0)
	if number, unlogged := forgotten.Add(time.Now(), maxForgotten); number <= maxForgotten {
		c.opts.Logger.Warn("jwks: a Cache that nothing refers to any more was not closed. Its background refresh ends now. "+
			"Create one verifier when the program starts and use it for all requests, or call Close", "issuer", c.name, "not_logged_before", unlogged)
	}
}
