package routing_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// listen serves the configuration on a loopback port with HTTP/1.1 and HTTP/2.
func (c config) listen(t *testing.T) (addr string) {
	t.Helper()
	server := httptest.NewUnstartedServer(c.handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestConnections sends generated requests over connections, because net/http refuses and
// changes some requests before a handler sees them.
func TestConnections(t *testing.T) {
	for _, c := range configs(t) {
		if c.unfit || !strings.Contains(c.String(), *only) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			addr, next, reached := c.listen(t), c.generator(*seed+1), [2]int{}
			for range max(*requests/50, 8) {
				r := next()
				for version, exchange := range []func(*testing.T, string, request) []string{exchange1, exchange2} {
					served := exchange(t, addr, r)
					if len(served) > 0 {
						reached[version]++
					}
					if name := c.wrong(served, r.caller); name != "" {
						t.Errorf("HTTP/%d: got %s, want a refusal", version+1, finding{c, r, name, "unknown"})
					}
				}
			}
			t.Logf("%v requests over HTTP/1.1 and HTTP/2 reached a handler", reached)
		})
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// exchange1 sends a request over HTTP/1.1. It returns the routes that served requests of the
// connection.
func exchange1(t *testing.T, addr string, r request) []string {
	t.Helper()
	conn := dial(t, addr)
	defer conn.Close()
	r.Fields = append(r.Fields[:len(r.Fields):len(r.Fields)], "Connection: close")
	if _, err := io.WriteString(conn, r.raw()); err != nil {
		return nil // the server has closed the connection
	}
	var served []string
	for reader := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(reader, &http.Request{Method: r.Method})
		if err != nil {
			mustNotTimeOut(t, err, r)
			return served
		}
		served = append(served, response.Header["Served"]...)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// mustNotTimeOut fails the test if the server has not answered.
func mustNotTimeOut(t *testing.T, err error, r request) {
	t.Helper()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q: got no end of the response within 10 s", r.raw())
	}
}

// exchange2 sends a request over HTTP/2. The pseudo-header fields contain the unchanged
// parts of the request.
func exchange2(t *testing.T, addr string, r request) []string {
	t.Helper()
	conn := dial(t, addr)
	defer conn.Close()
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(), EndHeaders: true, EndStream: r.Body == ""})
	if r.Body != "" {
		_ = framer.WriteData(1, true, []byte(r.Body))
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			mustNotTimeOut(t, err, r)
			return nil
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status := frame.PseudoValue("status"); strings.HasPrefix(status, "1") {
				continue
			}
			var served []string
			for _, field := range frame.RegularFields() {
				if field.Name == "served" {
					served = append(served, field.Value)
				}
			}
			return served
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return nil
		}
	}
}

// block returns the header of the request as an HPACK block.
func (r request) block() []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	add := func(name, value string) { _ = encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	add(":method", r.Method)
	if r.Method != http.MethodConnect {
		add(":scheme", "http")
		add(":path", r.Target)
	}
	add(":authority", r.Host)
	if r.caller.token {
		add("authorization", fmt.Sprintf("Bearer %s", r.caller.text()))
	}
	for _, lines := range r.Fields {
		for line := range strings.SplitSeq(lines, "\r\n") {
			name, value, _ := strings.Cut(line, ":")
			switch name = strings.ToLower(name); name {
			case "connection", "upgrade", "http2-settings", "transfer-encoding", "content-length": // HTTP/2 has no such fields, or the body differs
			default:
				add(name, strings.TrimSpace(value))
			}
		}
	}
	return b.Bytes()
}
