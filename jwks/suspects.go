package jwks

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// hungAfter is the time after which an address that does not answer is a suspect. While a
	// lookup of addresses hangs, it is also the time until the next lookup.
	hungAfter = 100 * time.Millisecond
	// suspectFor is the time for which an address remains a suspect. It is longer than the usual
	// time between two refreshes. So a server that accepts connections and does not answer makes
	// one refresh an hour fail, and not each refresh.
	suspectFor = time.Hour
	// maxSuspects is the number of addresses that are remembered.
	maxSuspects = 64
)

// suspects are the addresses of servers that refused a connection or did not answer in time. They
// are tried after the other addresses. So if one server hangs, the next request goes to another
// server, even while the first request is in flight. The zero value is ready to use. It is safe
// for concurrent use.
type suspects struct {
	mu   sync.Mutex
	list []suspect // guarded by mu
}

// suspect is an address from which an answer is expected until the time from. If no answer comes,
// the address is a suspect from this time on.
type suspect struct {
	address netip.AddrPort
	from    time.Time
}

func (s *suspect) expired(now time.Time) bool { return now.Sub(s.from) > suspectFor }

// index returns the index of the address in the list, or -1. The caller holds s.mu.
func (s *suspects) index(address netip.AddrPort) int {
	return slices.IndexFunc(s.list, func(x suspect) bool { return x.address == address })
}

// expect makes the address a suspect from the time from on. The caller holds s.mu.
func (s *suspects) expect(address netip.AddrPort, from time.Time) {
	s.drop(address)
	if len(s.list) >= maxSuspects {
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, suspect{address, from})
}

// drop forgets the address. The caller holds s.mu.
func (s *suspects) drop(address netip.AddrPort) {
	if i := s.index(address); i >= 0 {
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// watch expects an answer from the address within hungAfter. If an answer is expected already,
// or if the address is a suspect, watch changes nothing.
func (s *suspects) watch(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if i := s.index(address); i < 0 || s.list[i].expired(now) {
		s.expect(address, now.Add(hungAfter))
	}
}

// condemn makes the address a suspect.
func (s *suspects) condemn(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expect(address, time.Now())
}

// clear forgets the address, because the server answered.
func (s *suspects) clear(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(address)
}

// settle ends the wait for an answer. If the address is not a suspect yet, settle forgets it.
func (s *suspects) settle(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(address); i >= 0 && s.list[i].from.After(time.Now()) {
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// order returns the addresses in the order in which they are tried. First come the addresses that
// are no suspects. Their families alternate, because often all addresses of one family are dead
// (RFC 8305, section 4). Then come the suspects, first those that were found first.
func (s *suspects) order(addresses []netip.AddrPort) []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var families [2][]netip.AddrPort // first the family of the first address
	var bad []suspect
	for _, address := range addresses {
		if i := s.index(address); i >= 0 && !s.list[i].from.After(now) && !s.list[i].expired(now) {
			bad = append(bad, s.list[i])
			continue
		}
		family := 0
		if address.Addr().Is4() != addresses[0].Addr().Is4() {
			family = 1
		}
		families[family] = append(families[family], address)
	}
	var ordered []netip.AddrPort
	for i := range addresses {
		for _, family := range families {
			if i < len(family) {
				ordered = append(ordered, family[i])
			}
		}
	}
	slices.SortStableFunc(bad, func(a, b suspect) int { return a.from.Compare(b.from) })
	for _, x := range bad {
		ordered = append(ordered, x.address)
	}
	return ordered
}

// watchedConn is a connection that makes its address a suspect if the server does not answer.
type watchedConn struct {
	net.Conn
	address  netip.AddrPort
	suspects *suspects
	answered atomic.Bool // whether a byte was read
	closed   atomic.Bool // whether Close was called
}

func (c *watchedConn) Read(p []byte) (int, error) {
	c.suspects.watch(c.address)
	n, err := c.Conn.Read(p)
	switch {
	case n > 0:
		c.answered.Store(true)
		c.suspects.clear(c.address)
	case err != nil && !c.answered.Load() && !c.closed.Load():
		c.suspects.condemn(c.address) // the server closed the connection
	default:
		c.suspects.settle(c.address)
	}
	return n, err
}

func (c *watchedConn) Close() error {
	c.closed.Store(true)
	c.suspects.settle(c.address)
	return c.Conn.Close()
}
