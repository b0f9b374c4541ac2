package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A looseService is a service that reads requests in every loose way that is known from real
// servers. It does not know who calls. It reports in fields of its response which resources
// it serves under its readings, and the test decides whether the caller may have them.
type looseService struct {
	resources *http.ServeMux
}

func newLooseService() *looseService {
	s := &looseService{http.NewServeMux()}
	for _, r := range looseResources {
		s.resources.Handle(r.pattern, http.NotFoundHandler())
	}
	return s
}

// ServeHTTP reports each resource in a field Served, with the reading that leads to it.
func (s *looseService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // the trailer follows the body
	fields := looseFields(r)
	if slices.ContainsFunc(r.Header["Upgrade"], func(v string) bool { return strings.Contains(strings.ToLower(v), "h2c") }) {
		switchProtocol(w)
		return
	}
	for _, name := range []string{"X-Subject", "X-Client", "X-Scope"} {
		if slices.Contains(fields[name], "forged") {
			w.Header().Add("Served", "identity\tthe field "+name+" of the client")
		}
	}
	websocket := slices.ContainsFunc(r.Header["Upgrade"], func(v string) bool { return strings.Contains(strings.ToLower(v), "websocket") })
	served := map[string]bool{}
	for _, m := range looseMethods(r, fields) {
		for _, h := range looseHosts(r, fields) {
			for _, p := range loosePaths(r, fields) {
				_, pattern := s.resources.Handler(&http.Request{Method: m.text, Host: h.text, URL: &url.URL{Path: p.text}})
				if pattern != "" && !served[pattern] {
					served[pattern] = true
					how := fmt.Sprintf("%s, %s, %s: %q %q %q", m.name, h.name, p.name, m.text, h.text, p.text)
					w.Header().Add("Served", pattern+"\t"+how)
					if websocket && pattern != "/chat/" {
						w.Header().Add("Served", "websocket\ta handshake for "+pattern+", "+how)
					}
				}
			}
		}
	}
}

// switchProtocol answers an upgrade, and reads what the client sends on the connection. No
// guard sees this part of the connection.
func switchProtocol(w http.ResponseWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nServed: tunnel\ta connection after a switch to h2c\r\n\r\n")
	_, _ = rw.ReadString('\n')
}

// looseFields returns all fields, with the fields of the trailer. A name may have any
// character in place of "-", as with CGI.
func looseFields(r *http.Request) http.Header {
	fields := http.Header{}
	for _, header := range []http.Header{r.Header, r.Trailer} {
		for name, values := range header {
			name = strings.Map(func(c rune) rune {
				if c < 0x80 && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
					return '-'
				}
				return c
			}, name)
			fields[http.CanonicalHeaderKey(name)] = append(fields[http.CanonicalHeaderKey(name)], values...)
		}
	}
	return fields
}

// A reading is a part of a request as a loose service reads it.
type reading struct{ name, text string }

// distinct removes readings with the same text.
func distinct(list []reading) []reading {
	var kept []reading
	for _, r := range list {
		if !slices.ContainsFunc(kept, func(k reading) bool { return k.text == r.text }) {
			kept = append(kept, r)
		}
	}
	return kept
}

func looseMethods(r *http.Request, fields http.Header) []reading {
	list := []reading{{"method", r.Method}, {"method in upper case", strings.ToUpper(r.Method)}}
	for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method"} {
		for _, value := range fields[name] {
			list = append(list, reading{name, strings.ToUpper(value)})
		}
	}
	return distinct(list)
}

func looseHosts(r *http.Request, fields http.Header) []reading {
	list := []reading{{"host", r.Host}}
	add := func(name, host string) {
		host, _, _ = strings.Cut(strings.ToLower(host), ":")
		if decoded, err := url.PathUnescape(host); err == nil {
			host = decoded
		}
		list = append(list, reading{name, strings.TrimRight(host, ". ")})
	}
	add("normalized host", r.Host)
	for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Host-Override"} {
		for _, value := range fields[name] {
			add(name, value)
		}
	}
	return distinct(list)
}

func loosePaths(r *http.Request, fields http.Header) []reading {
	list := []reading{{"path", r.URL.Path}, {"raw path", r.URL.EscapedPath()}}
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url", "X-Original-Uri", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-Path"} {
		for _, value := range fields[name] {
			list = append(list, reading{name, value})
		}
	}
	for _, value := range fields["X-Forwarded-Prefix"] {
		list = append(list, reading{"X-Forwarded-Prefix", value + r.URL.Path})
	}
	for i, change := range looseChanges {
		once := change.of(r.URL.Path)
		list = append(list, reading{change.name, once})
		for _, next := range looseChanges[i:] {
			list = append(list, reading{change.name + ", " + next.name, next.of(once)})
		}
	}
	all := r.URL.Path
	for range 2 {
		for _, change := range looseChanges {
			all = change.of(all)
		}
	}
	return distinct(append(list, reading{"all changes", all}))
}

// looseChanges are the changes that servers make to a path, in the order in which they make
// them.
var looseChanges = []struct {
	name string
	of   func(string) string
}{
	{"decoded again", func(p string) string {
		if decoded, err := url.PathUnescape(p); err == nil {
			return decoded
		}
		return p
	}},
	{"overlong UTF-8", strings.NewReplacer("\xc0\xaf", "/", "\xc0\xae", ".", "\xc1\xa1", "a", "\xc1\x9c", `\`).Replace},
	{"ASCII for other widths", func(p string) string {
		return strings.Map(func(c rune) rune {
			switch {
			case 0xff01 <= c && c <= 0xff5e:
				return c - 0xfee0
			case c == 0x2044 || c == 0x2215:
				return '/'
			}
			return c
		}, strings.ToValidUTF8(p, "?"))
	}},
	{"no letter case", func(p string) string { return strings.ToLower(strings.ToUpper(p)) }},
	{"slash for backslash", func(p string) string { return strings.ReplaceAll(p, `\`, "/") }},
	{"no parameters", eachSegment(func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })},
	{"cut at NUL, ? and #", func(p string) string {
		if i := strings.IndexAny(p, "\x00?#\r\n"); i >= 0 {
			return p[:i]
		}
		return p
	}},
	{"clean path", func(p string) string {
		if strings.HasSuffix(p, "/") {
			return strings.TrimSuffix(path.Clean("/"+p), "/") + "/"
		}
		return path.Clean("/" + p)
	}},
	{"no full stops and blanks at the end", eachSegment(func(s string) string {
		if s == "." || s == ".." {
			return s
		}
		return strings.TrimRight(s, ". \t")
	})},
	{"no suffix", func(p string) string {
		i := strings.LastIndexByte(p, '.')
		if i < 0 || strings.ContainsRune(p[i:], '/') || i > 0 && p[i-1] == '/' {
			return p
		}
		return p[:i]
	}},
	{"no slash at the end", func(p string) string {
		if len(p) > 1 {
			return strings.TrimSuffix(p, "/")
		}
		return p
	}},
}

func eachSegment(change func(string) string) func(string) string {
	return func(p string) string {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i] = change(s)
		}
		return strings.Join(segments, "/")
	}
}

// A looseResource is a resource of the service with its rule.
type looseResource struct {
	pattern string
	scope   string // empty: public
}

// looseResources are the resources behind a public "/".
var looseResources = []looseResource{
	{"/", ""},
	{"/healthz", ""},
	{"/public/", ""},
	{"/chat/", ""}, // the only route with WebSocket
	{"/admin", "admin"},
	{"/admin/", "admin"},
	{"GET /reports/{id}", "read"},
	{"POST /reports/{id}", "write"},
	{"DELETE /reports/{id}", "admin"},
	{"GET /reports/{id}/title", ""},
	{"/customers/{id}", "read"},
	{"admin.example/", "admin"},
}

// sendLoose sends a request without any change of its bytes. It returns the values of the
// field Served in all responses of the connection.
func sendLoose(front, raw, method string) ([]string, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(context.Background(), "tcp", front)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		return nil, nil // the proxy has closed the connection
	}
	var served []string
	for reader := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return served, err
		}
		if err != nil {
			return served, nil // the proxy closes the connection after the last response
		}
		served = append(served, response.Header["Served"]...)
		if method == http.MethodConnect && response.StatusCode < 300 {
			return append(served, throughTunnel(conn, reader)...), nil
		}
		if response.StatusCode == http.StatusSwitchingProtocols {
			_, _ = io.WriteString(conn, "GET /admin HTTP/1.1\r\nHost: h\r\nX-Subject: forged\r\n\r\n")
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// throughTunnel sends a second request after a CONNECT request has passed, because a proxy
// sends all bytes that follow to the service (RFC 9110, section 9.3.6). It returns the values
// of the field Served in what comes back.
func throughTunnel(conn net.Conn, reader io.Reader) (served []string) {
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, "GET /admin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(reader)
	for line := range strings.Lines(string(answer)) {
		if value, found := strings.CutPrefix(line, "Served: "); found {
			pattern, _, _ := strings.Cut(value, "\t")
			served = append(served, "tunnel\tthe route "+pattern+" after CONNECT")
		}
	}
	return served
}
