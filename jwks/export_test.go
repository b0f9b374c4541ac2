package jwks

import "time"

// PublicAddress exports publicAddress for tests.
var PublicAddress = publicAddress

// ExceptLoopback exports exceptLoopback for tests.
var ExceptLoopback = exceptLoopback

// CheckAddress returns nil if the default Transport may connect to address when the host of
// address resolves to the address resolved. Otherwise it returns the error of the connection.
func CheckAddress(address, resolved string, refusePrivate bool) error {
	for _, check := range addressChecks(address, refusePrivate) {
		if err := check(resolved); err != nil {
			return err
		}
	}
	return nil
}

// Suspend simulates that the machine is suspended for the duration d. For c, the wall clock
// advances by d, and the monotonic clock does not advance.
func Suspend(c *Cache, d time.Duration) {
	s := *c.state.Load()
	s.until.wall -= int64(d)
	c.state.Store(&s)
}
