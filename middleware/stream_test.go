package middleware_test

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455, section 4.2.2 requires it
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWriterIsUnwrapped checks that the handler gets the server's own ResponseWriter, with
// all its interfaces.
func TestWriterIsUnwrapped(t *testing.T) {
	b := newFixture(t, nil)
	w := httptest.NewRecorder()
	var table scopes.Table
	table.Handle("/", scopes.All("x"))
	handler := http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		if got != w {
			t.Errorf("got writer %p, want %p", got, w)
		}
	})
	for _, h := range []http.Handler{b.guard.Require(scopes.All("x"))(handler), b.guard.Enforce(&table)(handler)} {
		h.ServeHTTP(w, b.request(http.MethodGet, "/", "x"))
	}
}

// stream returns a handler that writes a line and flushes. The handler then waits for
// the channel "proceed" and writes a second line.
func stream(t *testing.T, proceed <-chan struct{}) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bearer.FromContext(r.Context()); !ok {
			t.Error("got no claims in the handler, want claims")
		}
		_, _ = io.WriteString(w, "first\n")
		flusher, ok := w.(http.Flusher)
		if !ok {
			t.Error("got a writer without http.Flusher, want a writer with http.Flusher")
			return
		}
		flusher.Flush()
		select {
		case <-proceed:
		case <-r.Context().Done():
			return
		}
		_, _ = fmt.Fprintf(w, "second %d\n", r.ProtoMajor) //nolint:gosec // no browser renders it
	})
}

func TestStreaming(t *testing.T) {
	b := newFixture(t, nil)
	proceed := make(chan struct{})
	server := httptest.NewUnstartedServer(b.guard.Require(scopes.All("x"))(stream(t, proceed)))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewUnstartedServer(b.guard.Require(scopes.All("x"))(stream(t, proceed)))
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	defer plain.Close()
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	defer h2c.CloseIdleConnections()
	for _, row := range []struct {
		url    string
		want   int
		client *http.Client
	}{
		{server.URL, 2, server.Client()},
		{plain.URL, 1, plain.Client()},
		{plain.URL, 2, &http.Client{Transport: h2c}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := b.request(http.MethodGet, row.url, "x").WithContext(ctx)
		r.RequestURI = ""
		response, err := row.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(response.Body)
		if line, err := body.ReadString('\n'); err != nil || line != "first\n" {
			t.Errorf("HTTP/%d: got the line %q (error: %v), want the first line before the handler returns", row.want, line, err)
		}
		proceed <- struct{}{}
		if line, err := body.ReadString('\n'); err != nil || line != fmt.Sprintf("second %d\n", row.want) {
			t.Errorf("HTTP/%d: got the line %q (error: %v), want the second line", row.want, line, err)
		}
		response.Body.Close()
		cancel()

		r = httptest.NewRequest(http.MethodGet, row.url, http.NoBody)
		refused := fetch(t, row.client, r)
		if refused.status != http.StatusUnauthorized || refused.header.Get("WWW-Authenticate") != `Bearer realm="api"` {
			t.Errorf("HTTP/%d, no token: got status %d and the header %v, want status 401", row.want, refused.status, refused.header)
		}
	}
}

// upgrade returns a handler that answers a WebSocket handshake (RFC 6455, section 4.2.2).
// The handler then reads one line, and writes the client ID of the caller and this line.
func upgrade(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijacker, ok := w.(http.Hijacker)
		if !ok {
			t.Error("got a writer without http.Hijacker, want a writer with http.Hijacker")
			return
		}
		conn, rw, err := hijacker.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // RFC 6455 requires SHA-1
		_, _ = fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		claims, _ := bearer.FromContext(r.Context())
		_, _ = fmt.Fprintf(rw, "%s %s", claims.ClientID(), line)
		_ = rw.Flush()
	})
}

func TestUpgrade(t *testing.T) {
	b := newFixture(t, nil)
	var table scopes.Table
	table.Handle("/", scopes.All("x"))
	for name, h := range map[string]http.Handler{"Require": b.guard.Require(scopes.All("x"))(upgrade(t)), "Enforce": b.guard.Enforce(&table)(upgrade(t))} {
		server := httptest.NewServer(h)
		for _, row := range []struct{ auth, status, echo string }{
			{"Bearer " + b.token("x"), "HTTP/1.1 101 Switching Protocols", "ci hello\n"},
			{"Bearer " + b.token("y"), "HTTP/1.1 403 Forbidden", ""},
		} {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: %s\r\n\r\n", row.auth)
			reader := bufio.NewReader(conn)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := response.Proto + " " + response.Status; got != row.status {
				t.Errorf("%s: got %q, want %q", name, got, row.status)
			}
			if row.echo != "" {
				if got := response.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
					t.Errorf("%s: got Sec-WebSocket-Accept %q, want the value of the example in RFC 6455, section 1.3", name, got)
				}
				_, _ = io.WriteString(conn, "hello\n")
				if line, err := reader.ReadString('\n'); err != nil || line != row.echo {
					t.Errorf("%s: got the line %q (error: %v), want %q", name, line, err, row.echo)
				}
			}
			response.Body.Close()
			_ = conn.Close()
		}
		server.Close()
	}
}

// TestReaderFrom checks that io.Copy can use the writer's ReaderFrom.
func TestReaderFrom(t *testing.T) {
	b := newFixture(t, nil)
	server := httptest.NewServer(b.guard.Require(scopes.All("x"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("got a writer without io.ReaderFrom, want a writer with io.ReaderFrom")
		}
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(w, strings.NewReader("sent"))
	})))
	defer server.Close()
	if got := fetch(t, server.Client(), b.request(http.MethodGet, server.URL, "x")); got.status != http.StatusOK || got.body != "sent" {
		t.Errorf("got status %d and body %q, want status 200 and body \"sent\"", got.status, got.body)
	}
}
