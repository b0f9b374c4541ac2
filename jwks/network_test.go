package jwks_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// host is what one address of a network does with a connection.
type host struct {
	after  time.Duration // the time until the connection is open or refused
	drops  bool          // whether the host never answers
	refuse bool
	late   bool           // whether the connection opens even if the attempt was canceled
	serve  func(net.Conn) // runs in its own goroutine; nil if the host sends nothing
}

// A network is a fake network for a dialer. Its methods lookup and connect replace the resolver
// and the connections.
type network struct {
	names map[string][]string // the addresses that a lookup returns; the keys are "ip", "ip4" and "ip6"
	hangs []string            // the lookups without an answer
	hosts map[string]host     // other hosts drop all packets

	mu       sync.Mutex // guards the fields below
	lookups  []string
	lookedUp string // the name of the last lookup
	attempts []*attempted
	open     int // the number of connections that are not closed
}

// attempted is one attempt at a connection.
type attempted struct {
	address string
	began   time.Time
	ended   time.Time // zero while the attempt is in flight
	failed  bool
}

// newNetwork returns a network with one name, which has these addresses.
func newNetwork(hosts map[string]host, addresses ...string) *network {
	return &network{names: map[string][]string{"ip": addresses}, hosts: hosts}
}

func (n *network) lookup(ctx context.Context, kind, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.lookups, n.lookedUp = append(n.lookups, kind), name
	n.mu.Unlock()
	if slices.Contains(n.hangs, kind) {
		<-ctx.Done()
		return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
	}
	var addresses []netip.Addr
	for _, a := range n.names[kind] {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	if addresses == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return addresses, nil
}

func (n *network) connect(ctx context.Context, kind, address string, check func(string) error) (net.Conn, error) {
	n.mu.Lock()
	a := &attempted{address: address, began: time.Now()}
	n.attempts = append(n.attempts, a)
	n.mu.Unlock()
	conn, err := n.answer(ctx, address, check)
	n.mu.Lock()
	defer n.mu.Unlock()
	a.ended, a.failed = time.Now(), err != nil
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: kind, Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)), Err: err}
	}
	n.open++
	return &counted{Conn: conn, network: n}, nil
}

func (n *network) answer(ctx context.Context, address string, check func(string) error) (net.Conn, error) {
	if err := check(address); err != nil {
		return nil, err
	}
	ip, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	h, ok := n.hosts[ip]
	n.mu.Unlock()
	if !ok || h.drops {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if h.late {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-time.After(h.after):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.refuse {
		return nil, syscall.ECONNREFUSED
	}
	client, server := net.Pipe()
	if h.serve != nil {
		go h.serve(server)
	}
	return client, nil
}

// counted is a connection that the network counts until it is closed.
type counted struct {
	net.Conn
	network *network
	once    sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.network.mu.Lock()
		defer c.network.mu.Unlock()
		c.network.open--
	})
	return c.Conn.Close()
}

// tried returns the addresses of the attempts, and forgets the attempts.
func (n *network) tried() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var addresses []string
	for _, a := range n.attempts {
		address, _, _ := net.SplitHostPort(a.address)
		addresses = append(addresses, address)
	}
	n.attempts = nil
	return addresses
}

// change replaces a host.
func (n *network) change(address string, h host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[address] = h
}

func (n *network) openConnections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open
}

// dialName returns a function that connects to a name of the network. The function returns the
// connection, the address of the server, and the time that it took.
func (n *network) dialName(check func(string) error) func(context.Context) (net.Conn, time.Duration, error) {
	dial := jwks.NewDial(n.lookup, n.connect)
	return func(ctx context.Context) (net.Conn, time.Duration, error) {
		start := time.Now()
		conn, err := dial(ctx, "tcp", "issuer.test:443", check)
		return conn, time.Since(start), err
	}
}

func allowAll(string) error { return nil }

var errNotAllowed = errors.New("not allowed")

// numbered returns n addresses, beginning with the given one.
func numbered(first string, n int) []string {
	addresses := make([]string, n)
	a := netip.MustParseAddr(first)
	for i := range addresses {
		addresses[i] = a.String()
		a = a.Next()
	}
	return addresses
}

// closeNow closes a connection at the end of the step of a test.
func closeNow(t *testing.T, conn net.Conn) {
	t.Helper()
	if conn == nil {
		return
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
