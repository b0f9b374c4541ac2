package jwks

import "time"

// PublicAddress is for the table of addresses.
var PublicAddress = publicAddress

// ExceptLoopback is for the test of who is asked for a proxy.
var ExceptLoopback = exceptLoopback

// CheckDial tells whether a connection to address is made when it was resolved so.
func CheckDial(address, resolved string, refusePrivate bool) error {
	for _, check := range checksOf(address, refusePrivate) {
		if err := check(resolved); err != nil {
			return err
		}
	}
	return nil
}

// Suspend has the wall clock go on by d, as it does while the machine sleeps and
// the monotonic clock stands.
func Suspend(c *Cache, d time.Duration) {
	s := *c.state.Load()
	s.until.wall -= int64(d)
	c.state.Store(&s)
}
