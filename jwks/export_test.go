package jwks

import "time"

// PublicAddress is publicAddress.
var PublicAddress = publicAddress

// ExceptLoopback is exceptLoopback.
var ExceptLoopback = exceptLoopback

// CheckDial returns the error of a connection to address if its host resolves to the
// address resolved, or nil if the connection is allowed.
func CheckDial(address, resolved string, refusePrivate bool) error {
	for _, check := range dialChecks(address, refusePrivate) {
		if err := check(resolved); err != nil {
			return err
		}
	}
	return nil
}

// Suspend advances the wall clock of c by d, but not its monotonic clock, as if the
// machine were suspended.
func Suspend(c *Cache, d time.Duration) {
	s := *c.state.Load()
	s.until.wall -= int64(d)
	c.state.Store(&s)
}
