package jwks_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// newResolver returns a resolver that asks a server that answers each question with these
// addresses. If silent is true, the server does not answer questions for IPv6 addresses.
func newResolver(t *testing.T, silent bool, addresses ...netip.Addr) *net.Resolver {
	t.Helper()
	server, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := dnsReply(buffer[:n], silent, addresses); reply != nil {
				_, _ = server.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// dnsReply returns the answer to a question (RFC 1035, section 4), or nil for no answer.
func dnsReply(query []byte, silent bool, addresses []netip.Addr) []byte {
	end := 12 // the length of the header
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the empty label, the type and the class
	isIPv6 := binary.BigEndian.Uint16(query[end-4:]) == 28
	if isIPv6 && silent {
		return nil
	}
	var length byte = 4
	if isIPv6 {
		length = 16
	}
	reply := append([]byte{}, query[:end]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	for _, a := range addresses {
		if a.Is6() == isIPv6 {
			reply[7]++
			reply = append(reply, 0xc0, 12, query[end-4], query[end-3], 0, 1, 0, 0, 0, 0, 0)
			reply = append(append(reply, length), a.AsSlice()...)
		}
	}
	return reply
}

// dropPackets makes the kernel drop the packets that open connections to the address. The queue of
// a socket that listens is full.
func dropPackets(t *testing.T, address netip.AddrPort) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		dialer := net.Dialer{Timeout: 50 * time.Millisecond}
		conn, err := dialer.DialContext(t.Context(), "tcp", address.String())
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue of the socket is not full after 100 connections")
}

// The behavior of the address of a host.
const (
	drops      = "drops packets"
	refuses    = "refuses"
	neverReply = "accepts and does not answer"
	answers    = "answers"
)

// startHosts starts a server at the last of the addresses 127.0.0.2, 127.0.0.3 and so on. It makes
// the other addresses do what kinds says. It returns the addresses and their port.
func startHosts(t *testing.T, srv *httptest.Server, kinds []string) (addresses []netip.Addr, port uint16) {
	t.Helper()
	_ = srv.Listener.Close()
	next := netip.MustParseAddr("127.0.0.2")
	for range kinds {
		addresses = append(addresses, next)
		next = next.Next()
	}
	var err error
	srv.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", addresses[len(addresses)-1].String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) //nolint:forbidigo // net/http requires this type
	srv.StartTLS()
	t.Cleanup(srv.Close)
	port = netip.MustParseAddrPort(srv.Listener.Addr().String()).Port()
	for i, kind := range kinds {
		switch address := netip.AddrPortFrom(addresses[i], port); kind {
		case drops:
			dropPackets(t, address)
		case neverReply:
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address.String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
		}
	}
	return addresses, port
}

// The key is there within the documented 2 s if some addresses of the issuer's host are dead. All
// connections are real.
func TestDeadAddresses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kinds  []string
		noIPv6 bool // no answer to questions for IPv6 addresses
	}{
		{"one address", []string{answers}, false},
		{"one of two dead", []string{drops, answers}, false},
		{"two of three dead", []string{drops, drops, answers}, false},
		{"six of seven dead", []string{drops, drops, drops, drops, drops, drops, answers}, false},
		{"refused and dead", []string{refuses, drops, refuses, answers}, false},
		{"resolver without IPv6", []string{drops, answers}, true},
		{"no TLS handshake", []string{neverReply, answers}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(document(ecKey("a")))
			}))
			addresses, port := startHosts(t, srv, tt.kinds)
			transport := jwks.NewTransport(false, newResolver(t, tt.noIPv6, addresses...).LookupNetIP, nil)
			transport.TLSClientConfig.RootCAs = x509.NewCertPool()
			transport.TLSClientConfig.RootCAs.AddCert(srv.Certificate())
			o := options(nil)
			o.Transport = transport
			start := time.Now()
			c, err := jwks.New("https://example.com:"+strconv.Itoa(int(port))+"/keys", o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err := c.Key(t.Context(), "a", "ES256"); err != nil {
				t.Errorf("got error %v after %v, want the key; %+v", err, time.Since(start), c.Status())
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("time until the key is there: got %v, want at most 2 s", took)
			} else {
				t.Log(took)
			}
		})
	}
}
