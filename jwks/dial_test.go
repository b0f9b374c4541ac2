package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

const (
	ms = time.Millisecond
	a4 = "192.0.2.1"
	b4 = "192.0.2.2"
	c4 = "192.0.2.3"
	a6 = "2001:db8::1"
	b6 = "2001:db8::2"
)

// A dialer connects in time, however many addresses are dead.
func TestDial(t *testing.T) {
	good, refuses := host{}, host{refuse: true}
	one := func(addresses []string) map[string]host { // only the last address works
		return map[string]host{addresses[len(addresses)-1]: good}
	}
	none := map[string]host{}
	hundred, nine := numbered("198.51.100.1", 100), numbered("192.0.2.1", 9)
	allRefuse := map[string]host{}
	for _, address := range hundred {
		allRefuse[address] = refuses
	}
	for _, tt := range []struct {
		name      string
		hosts     map[string]host
		addresses []string
		took      time.Duration
		tried     []string
		err       string // "" for a connection to the last address that was tried, or to winner
		winner    string
	}{
		{name: "good", hosts: map[string]host{a4: good}, addresses: []string{a4, b4}, tried: []string{a4}},
		{name: "good and slow", hosts: map[string]host{a4: {after: 200 * ms}}, addresses: []string{a4, b4}, took: 200 * ms, tried: []string{a4}},
		{name: "dead, good", hosts: map[string]host{b4: good}, addresses: []string{a4, b4}, took: 250 * ms, tried: []string{a4, b4}},
		{name: "two of three dead", hosts: one(nine[:3]), addresses: nine[:3], took: 500 * ms, tried: nine[:3]},
		{name: "four of five dead", hosts: one(nine[:5]), addresses: nine[:5], took: time.Second, tried: nine[:5]},
		{name: "five of six dead", hosts: one(nine[:6]), addresses: nine[:6], took: time.Second, tried: nine[:6]},
		{name: "seven of eight dead", hosts: one(nine[:8]), addresses: nine[:8], took: 7 * (time.Second / 7), tried: nine[:8]},
		{name: "eight of nine dead", hosts: one(nine), addresses: nine, took: jwks.DialTimeout, tried: nine[:8], err: "192.0.2.8:443: i/o timeout; 1 further addresses were not tried"},
		{name: "refused at once", hosts: map[string]host{a4: refuses, b4: refuses, c4: good}, addresses: []string{a4, b4, c4}, tried: []string{a4, b4, c4}},
		{name: "refused late", hosts: map[string]host{a4: {refuse: true, after: 50 * ms}, b4: good}, addresses: []string{a4, b4}, took: 50 * ms, tried: []string{a4, b4}},
		{name: "a refusal during the wait for another address", hosts: map[string]host{b4: refuses, c4: good}, addresses: []string{a4, b4, c4}, took: 250 * ms, tried: []string{a4, b4, c4}},
		{name: "all refuse", hosts: allRefuse, addresses: []string{hundred[0], hundred[1]}, tried: hundred[:2], err: "no connection to issuer.test:443: dial tcp 198.51.100.1:443: connection refused; dial tcp 198.51.100.2:443: connection refused"},
		{name: "one refuses", hosts: allRefuse, addresses: hundred[:1], tried: hundred[:1], err: "dial tcp 198.51.100.1:443: connection refused"},
		{name: "one dead", hosts: none, addresses: []string{a4}, took: jwks.DialTimeout, tried: []string{a4}, err: "dial tcp 192.0.2.1:443: i/o timeout"},
		{name: "1,000 dead", hosts: none, addresses: numbered("198.18.0.1", 1000), took: jwks.DialTimeout, tried: numbered("198.18.0.1", 8), err: "198.18.0.8:443: i/o timeout; 992 further"},
		{name: "100 refuse", hosts: allRefuse, addresses: hundred, tried: hundred[:8], err: "; 92 further addresses were not tried"},
		{name: "100 dead", hosts: none, addresses: hundred, took: jwks.DialTimeout, tried: hundred[:8], err: "198.51.100.8:443: i/o timeout; 92 further"},
		{name: "the first wins late", hosts: map[string]host{a4: {after: 300 * ms}, b4: {after: 100 * ms}}, addresses: []string{a4, b4}, took: 300 * ms, tried: []string{a4, b4}, winner: a4},
		{name: "IPv6 dead", hosts: map[string]host{a4: good}, addresses: []string{a6, b6, a4}, took: 250 * ms, tried: []string{a6, a4}},
		{name: "IPv4 first", hosts: map[string]host{a6: good}, addresses: []string{a4, b4, a6}, took: 250 * ms, tried: []string{a4, a6}},
		{name: "families alternate", hosts: none, addresses: []string{a6, b6, a4, b4}, took: jwks.DialTimeout, tried: []string{a6, a4, b6, b4}, err: "i/o timeout"},
		{name: "an address twice", hosts: none, addresses: []string{a4, "::ffff:" + a4, a4, b4, b4}, took: jwks.DialTimeout, tried: []string{a4, b4}, err: "i/o timeout"},
		{name: "no such host", hosts: none, err: "dial tcp: lookup issuer.test: no such host"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(tt.hosts, tt.addresses...)
			conn, took, err := n.dialName(allowAll)(t.Context())
			want(t, tt.name+": time", took, tt.took)
			if tried := n.tried(); !slices.Equal(tried, tt.tried) {
				t.Errorf("%s: got attempts at %q, want %q", tt.name, tried, tt.tried)
			}
			if tt.err != "" {
				wantText(t, err, tt.err)
			} else if err != nil {
				t.Errorf("%s: got error %v, want a connection", tt.name, err)
			}
			synctest.Wait()
			want(t, tt.name+": open connections", n.openConnections() == 1, err == nil)
			closeNow(t, conn)
			want(t, tt.name+": lookups", len(n.lookups), 1)
		})
	}
}

// The price of an answer with many addresses is in proportion to their number: after 64 addresses,
// no further address is checked, however many there are.
func TestDialManyAddresses(t *testing.T) {
	for _, row := range []struct {
		addresses []string
		checks    int
	}{
		{numbered("198.18.0.1", 8), 8},
		{numbered("198.18.0.1", 64), 64},
		{numbered("198.18.0.1", 65), 64},
		{numbered("198.18.0.1", 8000), 64},
		{numbered("2001:db8::1", 8000), 64},
		{slices.Repeat([]string{a4}, 8000), 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			checks := 0
			n := newNetwork(nil, row.addresses...)
			conn, _, err := n.dialName(func(string) error { checks++; return nil })(t.Context())
			wantText(t, err, "i/o timeout")
			closeNow(t, conn)
			// Each attempt checks its address again.
			want(t, fmt.Sprint("checked addresses of ", len(row.addresses)), checks-len(n.tried()), row.checks)
		})
	}
}

// A dialer uses the addresses of one family if the resolver has no answer for the other.
func TestDialLookupHangs(t *testing.T) {
	all := []string{"ip", "ip4", "ip6"}
	for _, tt := range []struct {
		name    string
		names   map[string][]string
		hangs   []string
		hosts   map[string]host
		took    time.Duration
		lookups int
		err     string
	}{
		{"IPv6 hangs", map[string][]string{"ip4": {a4}}, []string{"ip", "ip6"}, map[string]host{a4: {}}, 100 * ms, 2, ""},
		{"IPv4 hangs", map[string][]string{"ip6": {a6}}, []string{"ip", "ip4"}, map[string]host{a6: {}}, 200 * ms, 3, ""},
		{"IPv6 hangs, and one address is dead", map[string][]string{"ip4": {a4, b4}}, []string{"ip", "ip6"}, map[string]host{b4: {}}, 350 * ms, 2, ""},
		{"IPv6 hangs, and IPv4 refuses", map[string][]string{"ip4": {a4}}, []string{"ip", "ip6"}, map[string]host{a4: {refuse: true}}, jwks.DialTimeout, 3, "connection refused"},
		{"no IPv6, and IPv4 refuses", map[string][]string{"ip4": {a4}}, []string{"ip"}, map[string]host{a4: {refuse: true}}, 200 * ms, 3, "dial tcp 192.0.2.1:443: connection refused"},
		{"no addresses", nil, []string{"ip"}, nil, 200 * ms, 3, "dial tcp: lookup issuer.test: no such host"},
		{"all hang", nil, all, nil, jwks.DialTimeout, 3, "dial tcp: lookup issuer.test: i/o timeout"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{names: tt.names, hangs: tt.hangs, hosts: tt.hosts}
			conn, took, err := n.dialName(allowAll)(t.Context())
			want(t, tt.name+": time", took, tt.took)
			if tt.err != "" {
				wantText(t, err, tt.err)
			} else if err != nil {
				t.Errorf("%s: got error %v, want a connection", tt.name, err)
			}
			synctest.Wait()
			if !slices.Equal(n.lookups, all[:tt.lookups]) {
				t.Errorf("%s: got lookups %q, want %q", tt.name, n.lookups, all[:tt.lookups])
			}
			closeNow(t, conn)
		})
	}
}

// A slow answer of the resolver adds addresses to those that are already known. Answers that come
// later change nothing.
func TestDialLookupSlow(t *testing.T) {
	for _, tt := range []struct {
		hosts map[string]host
		took  time.Duration
		err   string
	}{
		{map[string]host{b4: {}}, 350 * ms, ""}, // 100 ms until the second lookup, and 250 ms for the first address
		{map[string]host{a4: {refuse: true}, b4: {refuse: true, after: 150 * ms}}, 350 * ms, "192.0.2.2:443: connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(tt.hosts, a4, b4)
			n.names["ip4"] = []string{a4}
			slow := func(ctx context.Context, kind, name string) ([]netip.Addr, error) {
				time.Sleep(200 * ms)
				return n.lookup(ctx, kind, name)
			}
			if tt.err == "" {
				slow = func(ctx context.Context, kind, name string) ([]netip.Addr, error) {
					if kind == "ip" {
						time.Sleep(200 * ms)
					}
					return n.lookup(ctx, kind, name)
				}
			}
			start := time.Now()
			conn, err := jwks.NewDial(slow, n.connect)(t.Context(), "tcp", "issuer.test:443", allowAll)
			if tt.err != "" {
				wantText(t, err, tt.err)
			} else if err != nil {
				t.Error(err)
			}
			want(t, "time", time.Since(start), tt.took)
			if tried := n.tried(); !slices.Equal(tried, []string{a4, b4}) {
				t.Errorf("got attempts at %q, want each address once", tried)
			}
			closeNow(t, conn)
			time.Sleep(time.Second) // until the lookups end
		})
	}
}

// The function check decides which addresses of a name are used. An address that it refuses takes
// no place among the addresses that are tried.
func TestDialCheck(t *testing.T) {
	private := numbered("10.0.0.1", 20)
	check := func(address string) error {
		if strings.HasPrefix(address, "10.") {
			return fmt.Errorf("%s: %w", address, errNotAllowed)
		}
		return nil
	}
	for _, tt := range []struct {
		name      string
		addresses []string
		tried     []string
		err       string
	}{
		{"public", []string{a4}, []string{a4}, ""},
		{"private, public", []string{private[0], a4}, []string{a4}, ""},
		{"public, private", []string{a4, private[0]}, []string{a4}, ""},
		{"mapped to IPv6", []string{"::ffff:10.0.0.1", a4}, []string{a4}, ""},
		{"20 private, public", append(slices.Clone(private), a4), []string{a4}, ""},
		{"private, dead", []string{private[0], b4}, []string{b4}, "dial tcp 192.0.2.2:443: i/o timeout"},
		{"20 private", private, nil, "dial tcp 10.0.0.1:443: 10.0.0.1:443: not allowed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := map[string]host{a4: {}}
			for _, address := range private {
				hosts[address] = host{}
			}
			n := newNetwork(hosts, tt.addresses...)
			conn, took, err := n.dialName(check)(t.Context())
			if tt.err != "" {
				wantText(t, err, tt.err)
			} else if err != nil || took != 0 {
				t.Errorf("%s: got error %v after %v, want a connection at once", tt.name, err, took)
			}
			if len(tt.tried) == 0 && !errors.Is(err, errNotAllowed) {
				t.Errorf("%s: got error %v, want %v in its tree", tt.name, err, errNotAllowed)
			}
			if tried := n.tried(); !slices.Equal(tried, tt.tried) {
				t.Errorf("%s: got attempts at %q, want %q", tt.name, tried, tt.tried)
			}
			closeNow(t, conn)
		})
	}
}

// An address in the URL needs no lookup, and check applies to it.
func TestDialLiteral(t *testing.T) {
	for address, wantErr := range map[string]bool{a4 + ":443": false, "[" + a6 + "]:443": false, "10.0.0.1:443": true, "[fe80::1%eth0]:443": false} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(map[string]host{a4: {}, a6: {}, "10.0.0.1": {}, "fe80::1%eth0": {}})
			conn, err := jwks.NewDial(n.lookup, n.connect)(t.Context(), "tcp", address, func(address string) error {
				if strings.HasPrefix(address, "10.") {
					return errNotAllowed
				}
				return nil
			})
			if errors.Is(err, errNotAllowed) != wantErr || (err != nil) != wantErr {
				t.Errorf("%s: got error %v, want an error: %v", address, err, wantErr)
			}
			want(t, address+": lookups", len(n.lookups), 0)
			closeNow(t, conn)
		})
	}
}

// An error of several addresses says whether one of them hung, and contains their errors.
func TestDialErrors(t *testing.T) {
	for _, tt := range []struct {
		hosts   map[string]host
		timeout bool
	}{
		{map[string]host{a4: {refuse: true}, b4: {refuse: true}}, false},
		{map[string]host{a4: {refuse: true}}, true},
		{map[string]host{b4: {refuse: true}}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, _, err := newNetwork(tt.hosts, a4, b4).dialName(allowAll)(t.Context())
			timeout, ok := errors.AsType[interface {
				error
				Timeout() bool
			}](err)
			if !ok || timeout.Timeout() != tt.timeout {
				t.Errorf("%v: Timeout: got %v, want %v", err, ok && timeout.Timeout(), tt.timeout)
			}
			wantText(t, err, "no connection to ")
			if strings.Contains(err.Error(), "not tried") {
				t.Errorf("got error %v, want no addresses that were not tried", err)
			}
			operation, ok := errors.AsType[*net.OpError](err)
			if !ok || operation.Op != "dial" {
				t.Errorf("got error %v, want a *net.OpError in its tree", err)
			}
		})
	}
}

// If the caller no longer needs a connection, dial returns at once and leaves nothing open.
func TestDialCanceled(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * ms, 300 * ms} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			n := newNetwork(map[string]host{b4: {after: time.Second}}, a4, b4)
			conn, took, err := n.dialName(allowAll)(ctx)
			if err == nil {
				t.Errorf("canceled after %v: got a connection, want an error", after)
				closeNow(t, conn)
			}
			want(t, "time", took, after)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("canceled after %v: got error %v, want context.Canceled", after, err)
			}
			synctest.Wait()
			want(t, "open connections", n.openConnections(), 0)
		})
	}
}

// A connection that opens after another was chosen, or after the caller gave up, is closed.
func TestDialLateConnections(t *testing.T) {
	for _, limit := range []time.Duration{200 * ms, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			n := newNetwork(map[string]host{a4: {after: 400 * ms, late: true}, b4: {after: 10 * ms}}, a4, b4)
			conn, _, err := n.dialName(allowAll)(ctx)
			want(t, "connected", err == nil, limit > time.Second)
			closeNow(t, conn)
			time.Sleep(time.Second)
			synctest.Wait()
			want(t, "connections that opened", n.attempts[0].failed, false)
			want(t, "open connections", n.openConnections(), 0)
		})
	}
}

// For any network, the first connection wins, each address is tried at most once, the attempts
// have a distance, and nothing stays open.
func TestDialAnyNetwork(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // for a test
		hosts := map[string]host{}
		var addresses []string
		for i := range 1 + random.IntN(14) {
			address := fmt.Sprintf("192.0.2.%d", 1+i)
			if random.IntN(2) == 0 {
				address = fmt.Sprintf("2001:db8::%d", 1+i)
			}
			addresses = append(addresses, address)
			after := time.Duration(random.IntN(1200)) * ms
			hosts[address] = []host{{drops: true}, {drops: true}, {after: after, refuse: true}, {refuse: true}, {after: after}}[random.IntN(5)]
		}
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(hosts, addresses...)
			conn, took, err := n.dialName(allowAll)(t.Context())
			end := time.Now()
			synctest.Wait()
			want(t, fmt.Sprintf("seed %d: open connections", seed), n.openConnections() == 1, err == nil)
			closeNow(t, conn)
			checkAttempts(t, fmt.Sprintf("seed %d, %v", seed, hosts), n, end, took, err)
		})
	}
}

// checkAttempts checks the attempts of a call of dial that ended at the time end.
func checkAttempts(t *testing.T, name string, n *network, end time.Time, took time.Duration, err error) {
	t.Helper()
	first := end.Add(time.Hour) // the first connection
	seen := map[string]bool{}
	for i, a := range n.attempts {
		address, _, _ := net.SplitHostPort(a.address)
		if seen[address] {
			t.Errorf("%s: two attempts at %s", name, address)
		}
		seen[address] = true
		h := n.hosts[address]
		if done := a.began.Add(h.after); !h.drops && !h.refuse && done.Before(first) {
			first = done
		}
		if i == 0 {
			continue
		}
		gap := a.began.Sub(n.attempts[i-1].began)
		failedNow := slices.ContainsFunc(n.attempts[:i], func(b *attempted) bool { return b.failed && b.ended.Equal(a.began) })
		if gap > jwks.AttemptDelay || gap < 100*ms && !failedNow {
			t.Errorf("%s: time between the attempts %d and %d: got %v, want 100 ms to %v", name, i-1, i, gap, jwks.AttemptDelay)
		}
		if since := a.began.Sub(n.attempts[0].began); since > jwks.AllAttempts {
			t.Errorf("%s: attempt %d began after %v, want at most %v", name, i, since, jwks.AllAttempts)
		}
	}
	if len(n.attempts) > jwks.MaxAddresses || err != nil && len(n.attempts) < min(jwks.MaxAddresses, len(n.hosts)) {
		t.Errorf("%s: got %d attempts for %d addresses; error: %v", name, len(n.attempts), len(n.hosts), err)
	}
	if err == nil && !end.Equal(first) || err != nil && first.Before(end) {
		t.Errorf("%s: got error %v after %v; the first connection was open %v later", name, err, took, first.Sub(end))
	}
}
