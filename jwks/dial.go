package jwks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// dialTimeout is the longest time for a connection, with the lookup of the host's addresses.
	// It is also the longest time for a TLS handshake.
	dialTimeout = 3 * time.Second
	// maxAddresses is the number of addresses to which one request tries to connect.
	maxAddresses = 8
	// maxKnown is the number of addresses of a host that are considered. A name server may send any
	// number.
	maxKnown = 64
	// attemptDelay is the longest time until the next address is tried while no earlier address
	// answers. RFC 8305, section 5, recommends this time.
	attemptDelay = 250 * time.Millisecond
	// allAttempts is the longest time until the last address is tried. It leaves enough time for
	// the answer, because a lookup waits 1.8 s (maxWait). With maxAddresses, the time between
	// two attempts is 143 ms. RFC 8305 requires at least 100 ms.
	allAttempts = time.Second
)

// dialer connects to hosts that have several addresses, although some addresses may be dead. It
// does what RFC 8305 (Happy Eyeballs) describes in section 5: it tries one address after the
// other and does not wait for the end of the earlier attempts. The first connection is used. A
// dialer is safe for concurrent use.
type dialer struct {
	// lookup does what net.Resolver.LookupNetIP does.
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// connect connects to an address, which contains no name. It calls check with this address.
	connect  func(ctx context.Context, network, address string, check func(string) error) (net.Conn, error)
	suspects suspects
}

func newDialer() *dialer {
	return &dialer{
		lookup: func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, network, host)
		},
		connect: func(ctx context.Context, network, address string, check func(string) error) (net.Conn, error) {
			d := net.Dialer{ControlContext: func(_ context.Context, _, resolved string, _ syscall.RawConn) error { return check(resolved) }}
			return d.DialContext(ctx, network, address)
		},
	}
}

// dial connects to address, which has the form "host:port". It uses no address of the host for
// which check returns an error. When dial returns, the other attempts are canceled.
func (d *dialer) dial(ctx context.Context, network, address string, check func(string) error) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if _, notAddress := netip.ParseAddr(host); notAddress == nil || err != nil {
		return d.connect(ctx, network, address, check) // one address, or an error
	}
	r := &race{
		dialer: d, network: network, host: host, port: uint16(number), check: check, clear: true,
		answers: make(chan lookupAnswer, len(lookupNetworks())),
		results: make(chan connected), returned: make(chan struct{}),
	}
	return r.run(ctx)
}

// lookupNetworks returns the networks of the lookups of a host. The first lookup asks for both
// kinds of addresses, in the order of the system. The others begin only while this lookup hangs
// and no address is known, because some name servers do not answer questions for IPv6 addresses.
func lookupNetworks() []string { return []string{"ip", "ip4", "ip6"} }

// race is one call of dial. Only the goroutine of this call uses it.
type race struct {
	*dialer
	network, host string
	port          uint16
	check         func(string) error

	lookups   int  // the number of lookups that began
	answered  int  // the number of lookups that ended
	complete  bool // whether the first lookup has ended, so that no other lookup is necessary
	lookupErr error
	answers   chan lookupAnswer

	known    []netip.AddrPort // the addresses that check allows, at most maxKnown
	ignored  int              // the number of further addresses
	waiting  []netip.AddrPort // the known addresses that were not tried, in the order of the attempts
	open     []netip.AddrPort // the addresses of the attempts that have not ended
	tried    int
	clear    bool // whether the next attempt may begin now
	refused  error
	errs     []error
	results  chan connected
	returned chan struct{} // closed when run returns
}

type lookupAnswer struct {
	network   string
	addresses []netip.Addr
	err       error
}

// connected is the result of an attempt.
type connected struct {
	address netip.AddrPort
	conn    net.Conn
	err     error
}

func (r *race) run(ctx context.Context) (net.Conn, error) {
	defer close(r.returned)
	nextLookup, nextAttempt := time.NewTimer(hungAfter), time.NewTimer(attemptDelay)
	defer nextLookup.Stop()
	defer nextAttempt.Stop()
	r.startLookup(ctx)
	for {
		if r.clear && len(r.waiting) > 0 && r.tried < maxAddresses {
			r.startAttempt(ctx)
			nextAttempt.Reset(r.delay())
		}
		if len(r.open) == 0 && r.lookupsEnded() {
			return nil, r.failure(nil)
		}
		select {
		case a := <-r.answers:
			r.add(a)
		case c := <-r.results:
			switch {
			case c.err == nil:
				r.settle()
				return &watchedConn{Conn: c.conn, address: c.address, suspects: &r.suspects}, nil
			case ctx.Err() == nil: // otherwise, the attempt was canceled
				r.failed(c)
			}
		case <-nextLookup.C:
			if len(r.open)+len(r.waiting) == 0 {
				r.startLookup(ctx)
			}
			nextLookup.Reset(hungAfter)
		case <-nextAttempt.C:
			r.clear = true
		case <-ctx.Done():
			r.settle()
			return nil, r.failure(ctx.Err())
		}
	}
}

// lookupsEnded reports whether no lookup will add an address: the first lookup or all others have
// ended.
func (r *race) lookupsEnded() bool {
	return r.complete || r.answered == len(lookupNetworks())-1
}

func (r *race) startLookup(ctx context.Context) {
	if r.lookups == len(lookupNetworks()) {
		return
	}
	network := lookupNetworks()[r.lookups]
	r.lookups++
	go func() {
		addresses, err := r.lookup(ctx, network, r.host)
		r.answers <- lookupAnswer{network, addresses, err}
	}()
}

// add adds the addresses of an answer.
func (r *race) add(a lookupAnswer) {
	r.answered++
	if a.network == lookupNetworks()[0] {
		r.complete = true
	}
	if a.err != nil {
		r.lookupErr = a.err
	}
	for i, ip := range a.addresses {
		if len(r.known) >= maxKnown {
			r.ignored += len(a.addresses) - i
			break
		}
		address := netip.AddrPortFrom(ip.Unmap(), r.port)
		if slices.Contains(r.known, address) {
			continue
		}
		if err := r.check(address.String()); err != nil {
			if r.refused == nil {
				r.refused = r.opError(address, err)
			}
			continue
		}
		r.known = append(r.known, address)
		r.waiting = append(r.waiting, address)
	}
	r.waiting = r.suspects.order(r.waiting)
}

// delay returns the time until the next attempt.
func (r *race) delay() time.Duration {
	return min(attemptDelay, allAttempts/time.Duration(max(1, min(len(r.known), maxAddresses)-1)))
}

// startAttempt tries the next address.
func (r *race) startAttempt(ctx context.Context) {
	address := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.open = append(r.open, address)
	r.tried++
	r.clear = false
	r.suspects.watch(address)
	go func() {
		conn, err := r.connect(ctx, r.network, address.String(), r.check)
		select {
		case r.results <- connected{address, conn, err}:
		case <-r.returned:
			if err == nil {
				_ = conn.Close()
			}
		}
	}()
}

// failed ends an attempt. The next attempt begins at once.
func (r *race) failed(c connected) {
	r.open = slices.DeleteFunc(r.open, func(a netip.AddrPort) bool { return a == c.address })
	r.suspects.condemn(c.address)
	r.errs = append(r.errs, c.err)
	r.clear = true
}

// settle ends the attempts that have not ended.
func (r *race) settle() {
	for _, address := range r.open {
		r.suspects.settle(address)
	}
}

// opError returns err in the form of an error of net.Dialer.
func (r *race) opError(address netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: r.network, Addr: net.TCPAddrFromAddrPort(address), Err: err}
}

// failure returns the error of dial. The argument ended is the error of its context, or nil.
func (r *race) failure(ended error) error {
	if errors.Is(ended, context.DeadlineExceeded) {
		ended = os.ErrDeadlineExceeded // its text is "i/o timeout", as in errors of package net
	}
	errs := r.errs
	for _, address := range r.open {
		errs = append(errs, r.opError(address, ended))
	}
	switch {
	case len(errs) == 0 && r.refused != nil:
		return r.refused
	case len(errs) == 0:
		return &net.OpError{Op: "dial", Net: r.network, Err: r.lookupFailure(ended)}
	}
	return &dialError{net.JoinHostPort(r.host, strconv.Itoa(int(r.port))), errs, len(r.waiting) + r.ignored}
}

// lookupFailure returns the error of the lookups, which found no address.
func (r *race) lookupFailure(ended error) error {
	switch {
	case r.lookupErr != nil:
		return r.lookupErr
	case ended != nil:
		return &net.DNSError{UnwrapErr: ended, Err: ended.Error(), Name: r.host, IsTimeout: errors.Is(ended, os.ErrDeadlineExceeded)}
	}
	return &net.DNSError{Err: "no addresses", Name: r.host, IsNotFound: true}
}

// dialError is the error of dial for a host with several addresses.
type dialError struct {
	address  string
	errs     []error // the errors of the attempts
	notTried int     // the number of further addresses
}

func (e *dialError) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	text := "no connection to " + e.address + ": " + strings.Join(texts, "; ")
	if e.notTried > 0 {
		text += fmt.Sprintf("; %d further addresses were not tried", e.notTried)
	}
	return text
}

func (e *dialError) Unwrap() []error { return e.errs }

// Timeout reports whether an address did not answer in time.
func (e *dialError) Timeout() bool {
	return slices.ContainsFunc(e.errs, func(err error) bool {
		timeout, ok := errors.AsType[net.Error](err)
		return ok && timeout.Timeout()
	})
}
