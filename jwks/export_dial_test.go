package jwks

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Lookup does what net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Connect connects to an address, which contains no name. It calls check with this address.
type Connect func(ctx context.Context, network, address string, check func(string) error) (net.Conn, error)

// NewTransport returns the default Transport with a different resolver, and with a different
// network if connect is not nil.
func NewTransport(refusePrivate bool, lookup Lookup, connect Connect) *http.Transport {
	return newTransportWith(dialerOf(lookup, connect), refusePrivate)
}

// NewDial returns the method dial of a new dialer.
func NewDial(lookup Lookup, connect Connect) func(ctx context.Context, network, address string, check func(string) error) (net.Conn, error) {
	return dialerOf(lookup, connect).dial
}

func dialerOf(lookup Lookup, connect Connect) *dialer {
	d := newDialer()
	d.lookup = lookup
	if connect != nil {
		d.connect = connect
	}
	return d
}

// The constants of dialer and suspects.
const (
	DialTimeout, AttemptDelay, AllAttempts, HungAfter, SuspectFor time.Duration = dialTimeout, attemptDelay, allAttempts, hungAfter, suspectFor

	MaxAddresses, MaxSuspects = maxAddresses, maxSuspects
)
