package jwks_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// silent is a server that reads, and never answers.
func silent(conn net.Conn) {
	buffer := make([]byte, 1)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

// echo is a server that answers each byte with one byte after a pause, and closes the connection
// when it receives 0.
func echo(pause time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		buffer := make([]byte, 1)
		for {
			if _, err := conn.Read(buffer); err != nil || buffer[0] == 0 {
				return
			}
			time.Sleep(pause)
			if _, err := conn.Write(buffer); err != nil {
				return
			}
		}
	}
}

// ask sends one byte, and waits at most this time for the answer.
func ask(conn net.Conn, b byte, limit time.Duration) {
	defer time.AfterFunc(limit, func() { _ = conn.Close() }).Stop()
	_, _ = conn.Write([]byte{b})
	_, _ = conn.Read(make([]byte, 1))
}

// An address that failed or hung is tried after the other addresses, and only for a time. Both
// hosts accept connections, unless the row says something else.
func TestSuspects(t *testing.T) {
	type dialing func(context.Context) (net.Conn, time.Duration, error)
	canceledAfter := func(d time.Duration) func(*testing.T, dialing) {
		return func(t *testing.T, dial dialing) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			conn, _, _ := dial(ctx)
			closeNow(t, conn)
			time.Sleep(time.Second)
		}
	}
	connection := func(use func(net.Conn)) func(*testing.T, dialing) {
		return func(t *testing.T, dial dialing) {
			t.Helper()
			conn, _, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			use(conn)
			_ = conn.Close()
			time.Sleep(time.Second)
		}
	}
	once := canceledAfter(time.Minute)
	for _, tt := range []struct {
		name  string
		first host                      // the host of the first address
		use   func(*testing.T, dialing) // comes before the second connection
		next  string                    // the address that the second connection tries first
	}{
		{"good", host{serve: silent}, once, a4},
		{"refused", host{refuse: true}, once, b4},
		{"dead", host{drops: true}, once, b4},
		{"dead, after 59 minutes", host{drops: true}, func(t *testing.T, dial dialing) { t.Helper(); once(t, dial); time.Sleep(59 * time.Minute) }, b4},
		{"dead, after 61 minutes", host{drops: true}, func(t *testing.T, dial dialing) { t.Helper(); once(t, dial); time.Sleep(61 * time.Minute) }, a4},
		{"dead, and again after 61 minutes", host{drops: true}, func(t *testing.T, dial dialing) {
			t.Helper()
			once(t, dial)
			time.Sleep(61 * time.Minute)
			once(t, dial)
		}, b4},
		{"asked 50 ms ago", host{serve: silent}, func(t *testing.T, dial dialing) {
			t.Helper()
			conn, _, _ := dial(t.Context())
			go ask(conn, 1, 80*ms)
			time.Sleep(50 * ms)
		}, a4},
		{"hangs on one connection, and is closed early on another", host{serve: silent}, func(t *testing.T, dial dialing) {
			t.Helper()
			hanging, _, _ := dial(t.Context())
			closed, _, _ := dial(t.Context())
			go ask(hanging, 1, time.Second)
			time.Sleep(200 * ms)
			ask(closed, 1, 50*ms)
			time.Sleep(time.Second)
		}, b4},
		{"slow, and canceled early", host{after: time.Second}, canceledAfter(90 * ms), a4},
		{"slow, and canceled late", host{after: time.Second}, canceledAfter(110 * ms), b4},
		{"slow, and used", host{after: 240 * ms}, once, b4},
		{"slow, used and answers", host{after: 240 * ms, serve: echo(0)}, connection(func(c net.Conn) { ask(c, 1, time.Second) }), a4},
		{"accepts and does not answer", host{serve: silent}, connection(func(c net.Conn) { ask(c, 1, time.Second) }), b4},
		{"accepts, and is closed before it can answer", host{serve: silent}, connection(func(c net.Conn) { ask(c, 1, 90*ms) }), a4},
		{"answers slowly", host{serve: echo(500 * ms)}, connection(func(c net.Conn) { ask(c, 1, time.Second) }), a4},
		{"answers once, then hangs", host{serve: echo(500 * ms)}, connection(func(c net.Conn) { ask(c, 1, time.Second); ask(c, 2, 300*ms) }), b4},
		{"answers, and the connection is closed in time", host{serve: echo(0)}, connection(func(c net.Conn) { ask(c, 1, time.Second); time.Sleep(time.Second); ask(c, 2, 90*ms) }), a4},
		{"closes without an answer", host{serve: echo(0)}, connection(func(c net.Conn) { ask(c, 0, time.Second) }), b4},
		{"answers, then closes", host{serve: echo(0)}, connection(func(c net.Conn) { ask(c, 1, time.Second); ask(c, 0, time.Second) }), a4},
		{"answers, then closes late", host{serve: echo(0)}, connection(func(c net.Conn) { ask(c, 1, time.Second); ask(c, 0, time.Second); time.Sleep(time.Second) }), a4},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(map[string]host{a4: tt.first, b4: {serve: silent}}, a4, b4)
			dial := n.dialName(allowAll)
			tt.use(t, dial)
			synctest.Wait()
			n.tried()
			conn, _, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			closeNow(t, conn)
			want(t, tt.name+": address of the next attempt", n.tried()[0], tt.next)
			time.Sleep(time.Second) // until the servers end
		})
	}
}

// An attempt that was canceled early, because another attempt won, does not make its address a
// suspect.
func TestLosersAreNoSuspects(t *testing.T) {
	for _, tt := range []struct {
		won  time.Duration // the attempt at b4 begins at 250 ms
		next string
	}{{340 * ms, b4}, {360 * ms, c4}} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(map[string]host{a4: {after: tt.won}, b4: {after: time.Second}, c4: {after: 10 * ms}}, a4, b4)
			dial := n.dialName(allowAll)
			for range 2 {
				conn, _, err := dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				closeNow(t, conn)
				time.Sleep(time.Second)
				n.names["ip"] = []string{b4, c4}
				if tried := n.tried(); tried[0] != a4 {
					want(t, fmt.Sprintf("next address if the first connection took %v", tt.won), tried[0], tt.next)
				}
			}
		})
	}
}

// While an attempt or a connection hangs, a second request goes to another address.
func TestSecondRequestGoesElsewhere(t *testing.T) {
	for name, first := range map[string]host{"dead": {drops: true}, "silent": {serve: silent}} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(map[string]host{a4: first, b4: {serve: echo(0)}}, a4, b4)
			dial := n.dialName(allowAll)
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				conn, _, err := dial(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				ask(conn, 1, time.Second)
				_ = conn.Close()
			})
			time.Sleep(110 * ms)
			n.tried()
			conn, took, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want(t, name+": time", took, 0)
			if tried := n.tried(); !slices.Equal(tried, []string{b4}) {
				t.Errorf("%s: got attempts at %q, want only %s", name, tried, b4)
			}
			closeNow(t, conn)
		})
	}
}

// If all addresses are suspects, the address that failed first is tried first.
func TestAllSuspects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]host{}
		addresses := numbered("192.0.2.1", jwks.MaxSuspects)
		for _, address := range addresses {
			hosts[address] = host{refuse: true}
		}
		n := newNetwork(hosts, addresses...)
		dial := n.dialName(allowAll)
		for range 3 { // all addresses have their turn
			for turn := range slices.Chunk(addresses, jwks.MaxAddresses) {
				if _, _, err := dial(t.Context()); err == nil {
					t.Error("got a connection, want an error")
				}
				if tried := n.tried(); !slices.Equal(tried, turn) {
					t.Errorf("got attempts at %q, want %q", tried, turn)
				}
				time.Sleep(time.Second)
			}
		}
	})
}

// The number of addresses that are remembered is limited. The oldest are forgotten.
func TestMaxSuspects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(map[string]host{a4: {refuse: true}, b4: {}}, a4, b4)
		other := numbered("198.51.100.1", jwks.MaxSuspects)
		for _, address := range other {
			n.change(address, host{refuse: true})
		}
		dial := n.dialName(allowAll)
		step := func(addresses ...string) string {
			n.tried()
			n.names["ip"] = addresses
			conn, _, _ := dial(t.Context())
			closeNow(t, conn)
			return n.tried()[0]
		}
		step(a4, b4)
		for _, address := range other[:jwks.MaxSuspects-1] {
			step(address)
		}
		want(t, "address of the next attempt with as many suspects as are remembered", step(a4, b4), b4)
		step(other[len(other)-1])
		want(t, "address of the next attempt after one more", step(a4, b4), a4)
	})
}
