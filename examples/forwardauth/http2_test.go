package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// newHTTP2Client returns a client that speaks HTTP/2 without TLS and without an upgrade. All
// its connections go to addr. Each request has a connection of its own, because the client of Go
// tries a connection again and again that the proxy has closed.
func newHTTP2Client(t *testing.T, addr string) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true, DisableKeepAlives: true}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchangeHTTP2 sends a request over HTTP/2. The request is in the form for HTTP/1.1; its body
// gets no Content-Length unless the header has this field. The status is 0 if HTTP/2 cannot
// express the request, or if the proxy ends the connection.
func exchangeHTTP2(client *http.Client, raw string) (status int, answer http.Header) {
	line, rest, _ := strings.Cut(raw, "\r\n")
	header, body, _ := strings.Cut(rest, "\r\n\r\n")
	method, target, _ := strings.Cut(strings.TrimSuffix(line, " HTTP/1.1"), " ")
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || method == http.MethodConnect {
		return 0, nil
	}
	if _, err := url.ParseRequestURI(target); err != nil {
		return 0, nil // Caddy resets the stream, and the client of Go then repeats the request without end
	}
	r := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "h", Opaque: target}, Header: http.Header{}, ContentLength: -1}
	for field := range strings.SplitSeq(header, "\r\n") {
		name, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "host":
			r.Host = value
		case "connection", "upgrade", "http2-settings", "transfer-encoding", "trailer": // not in HTTP/2
		case "content-length":
			r.ContentLength = int64(len(body))
		default:
			r.Header[name] = append(r.Header[name], value)
		}
	}
	switch {
	case strings.Contains(header, "Transfer-Encoding: chunked"):
		chunk, trailer, _ := strings.Cut(body, "0\r\n")
		_, chunk, _ = strings.Cut(chunk, "\r\n")
		body, r.Trailer = strings.TrimSuffix(chunk, "\r\n"), http.Header{}
		for field := range strings.SplitSeq(strings.TrimSpace(trailer), "\r\n") {
			if name, value, found := strings.Cut(field, ": "); found {
				r.Trailer[name] = append(r.Trailer[name], value)
			}
		}
		r.Body = io.NopCloser(bufio.NewReader(strings.NewReader(body)))
	case body != "":
		r.Body = io.NopCloser(strings.NewReader(body))
	default:
		r.ContentLength = 0
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return response.StatusCode, response.Header
}

// exchange sends a request of the table. The status is 0 if HTTP/2 cannot express the request.
func (p proxy) exchange(t *testing.T, front, raw string) (status int, header http.Header) {
	t.Helper()
	if !p.http2 {
		return exchange(t, front, raw)
	}
	return exchangeHTTP2(newHTTP2Client(t, front), raw)
}

// withHTTP2 returns the proxies with HTTP/2 for clients. The shipped configurations do not
// speak HTTP/2 without TLS, but nginx and Caddy usually speak it with TLS.
func withHTTP2() []proxy {
	nginx, caddy := nginx, caddy
	nginx.replace = strings.NewReplacer(";\n\n\t\t# A service can send", " http2;\n\n\t\t# A service can send")
	caddy.replace = strings.NewReplacer("auto_https off", "auto_https off\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n")
	nginx.http2, caddy.http2 = true, true
	return []proxy{nginx, caddy}
}

// trailerRequest is a request with fields in its trailer.
const trailerRequest = "POST /public/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Subject: admin\r\nX-HTTP-Method-Override: admin\r\n\r\n"

// TestHTTP2Refused checks that no request over HTTP/2 reaches the service with the shipped
// configurations. In haproxy.cfg, each of two lines is enough.
func TestHTTP2Refused(t *testing.T) {
	first, second := haproxy, haproxy
	first.replace = strings.NewReplacer(" proto h1\n", "\n")
	second.replace = strings.NewReplacer("\thttp-request deny deny_status 400 if { fc_http_major 2 }\n", "")
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy, first, second} {
		s := newSettingWith(t, options(p.dialect), rules())
		client := newHTTP2Client(t, p.start(t, s))
		for _, raw := range []string{trailerRequest, "GET /public/x HTTP/1.1\r\nHost: h\r\n\r\n", "GET /public/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"} {
			if status, _ := exchangeHTTP2(client, raw); status != 0 && status != http.StatusBadRequest {
				t.Errorf("%s, %q: got status %d, want no response, or status 400", p.name, raw, status)
			}
		}
		if seen := s.takeRequests(); len(seen) != 0 {
			t.Errorf("%s: got requests %v at the service, want none", p.name, seen)
		}
	}
}

// TestHTTP2 sends the requests of TestNginx over HTTP/2.
func TestHTTP2(t *testing.T) {
	for _, p := range withHTTP2() {
		t.Run(p.name, func(t *testing.T) { sendRequests(t, p) })
	}
}

// TestLooseServiceWithHTTP2 sends the generated requests over HTTP/2.
func TestLooseServiceWithHTTP2(t *testing.T) {
	for _, p := range withHTTP2() {
		t.Run(p.name, func(t *testing.T) {
			s, _, _ := newLooseSetting(t, p.dialect)
			front := p.start(t, s)
			client, next, served := newHTTP2Client(t, front), looseGenerator(*looseSeed, 77, nil, p.crashesOnExpect()), 0
			for range *looseRequests {
				f := next()
				_, answer := exchangeHTTP2(client, f.raw())
				all := answer["Served"]
				if len(all) > 0 {
					served++
				}
				if f.judge(all) {
					t.Errorf("%q reached %q by the reading %q, want a refusal", f.raw(), f.pattern, f.reading)
				}
			}
			t.Logf("%d of %d requests reached the service", served, *looseRequests)
			if served < *looseRequests/20 {
				t.Errorf("%d requests reached the service, want at least 5 percent", served)
			}
		})
	}
}
