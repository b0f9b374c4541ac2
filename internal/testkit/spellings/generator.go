// Package spellings generates HTTP requests that a lenient server may read differently than
// a strict server. The paths differ in few places from the paths of an API. The tests of
// guards send these requests through routers and proxies.
package spellings

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
)

// Route is a route of the API that the requests are for. Method is empty for a route that
// has all methods. Path is in the syntax of [net/http.ServeMux].
type Route struct{ Method, Path string }

// Request is a request of a client before it is sent.
type Request struct {
	Method, Target, Host string
	Fields               []string // lines of the header
	Body                 string   // everything after the header
}

// Raw returns the bytes of the request for HTTP/1.1. The lines in more follow the Host
// field.
func (r Request) Raw(more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, r.Host)
	for _, line := range more {
		b.WriteString(line + "\r\n")
	}
	for _, line := range r.Fields {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n" + r.Body
}

// Simpler yields requests that have less than r, or more usual parts. A test uses it to find
// the shortest request that shows a fault.
func (r Request) Simpler() iter.Seq[Request] {
	return func(yield func(Request) bool) {
		try := func(change func(*Request)) bool {
			other := r
			other.Fields = slices.Clone(r.Fields)
			change(&other)
			return other.Raw() == r.Raw() || yield(other)
		}
		if !try(func(o *Request) { o.Host = "h" }) || !try(func(o *Request) { o.Body, o.Fields = "", nil }) {
			return
		}
		for i := range r.Fields {
			framing := strings.HasPrefix(r.Fields[i], "Content-Length") || strings.HasPrefix(r.Fields[i], "Transfer-Encoding")
			if (r.Body == "" || !framing) && !try(func(o *Request) { o.Fields = slices.Delete(o.Fields, i, i+1) }) {
				return
			}
		}
		if len(r.Method) > 4 && !try(func(o *Request) { o.Method = "GET" }) {
			return
		}
		for size := len(r.Target) / 2; size > 0; size /= 2 {
			for i := 0; i+size <= len(r.Target); i++ {
				if !try(func(o *Request) { o.Target = r.Target[:i] + r.Target[i+size:] }) {
					return
				}
			}
		}
	}
}

// Generator makes requests that differ in few places from honest requests. It is not safe
// for concurrent use.
type Generator struct {
	*rand.Rand

	// Token is a token with all rights. The requests contain it only in places that a guard
	// ignores, such as a cookie.
	Token string
	// Weak is a token without rights. Some requests contain it as an additional
	// Authorization field.
	Weak string
	// Fields contains additional lines for headers.
	Fields []string
	// Hosts contains additional values for Host.
	Hosts []string

	routes []Route
	values []string // values for wildcards
}

// New returns a generator of requests for the routes. The same numbers give the same
// requests.
func New(seed, stream uint64, routes []Route) *Generator {
	g := &Generator{Rand: rand.New(rand.NewPCG(seed, stream)), Token: "t1ff", Weak: "t0", routes: routes} //nolint:gosec // the requests must be repeatable
	g.values = []string{"7", "a", "x.txt", "a%20b", "J%C3%BCrgen", "Acme.", "12"}
	for _, r := range routes {
		for segment := range strings.SplitSeq(r.Path, "/") {
			if segment != "" && segment[0] != '{' {
				g.values = append(g.values, segment)
			}
		}
	}
	return g
}

func pick[T any](g *Generator, list ...T) T { return list[g.IntN(len(list))] }

// Next returns a request.
func (g *Generator) Next() Request {
	r := pick(g, g.routes...)
	req := Request{Method: r.Method, Target: g.fill(r.Path), Host: "h"}
	if req.Method == "" || g.IntN(6) == 0 {
		req.Method = pick(g, methods...)
	}
	for range pick(g, 0, 1, 1, 1, 2, 2, 3, 4) {
		req.Target = pick(g, mutations...)(g, req.Target)
	}
	g.form(&req)
	if g.IntN(12) == 0 {
		req.Host = pick(g, append(g.Hosts, "H", "h.", "h:80", "h:0", "admin.h", "[::1]", "h%2e", "h..", "", "u@h", "h/admin", "127.0.0.1")...)
	}
	for range pick(g, 0, 0, 0, 0, 1, 2) {
		req.Fields = append(req.Fields, g.field())
	}
	g.content(&req)
	return req
}

// fill replaces the wildcards of a path by values. Many values are fixed segments of other
// routes.
func (g *Generator) fill(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasSuffix(segment, "...}"):
			segments[i] = pick(g, "", pick(g, g.values...), pick(g, g.values...)+"/"+pick(g, g.values...))
		case strings.HasPrefix(segment, "{"):
			segments[i] = pick(g, g.values...)
		}
	}
	return strings.Join(segments, "/")
}

// methods contains methods of HTTP, other spellings of these, and names that are none.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "get", "Get", "delete", "head", "post", "GETS", "_", "*"}

// form changes the form of the target (RFC 9112, section 3.2).
func (g *Generator) form(r *Request) {
	switch g.IntN(40) {
	case 0:
		r.Target = pick(g, "http://h", "http://H.", "https://h:443", "http://other", "HTTP://h", "h2c://h", "file://", "http:") + r.Target
	case 1:
		r.Target = pick(g, "*", "/*", "", "h:80", "//h"+r.Target, "//admin"+r.Target, strings.TrimPrefix(r.Target, "/"))
	case 2:
		r.Method, r.Target = "CONNECT", pick(g, "h:80", r.Target, "http://h"+r.Target, "/", "h:80"+r.Target)
	}
}

// field returns a line of the header that some server or middleware gives a meaning to.
func (g *Generator) field() string {
	target := g.fill(pick(g, g.routes...).Path)
	if len(g.Fields) > 0 && g.IntN(4) == 0 {
		return pick(g, g.Fields...)
	}
	return pick(
		g,
		"X-HTTP-Method-Override: "+pick(g, methods...), "X-HTTP-Method: "+pick(g, methods...), "X-Method-Override: "+pick(g, methods...), "X_HTTP_Method_Override: "+pick(g, methods...),
		"X-Original-URL: "+target, "X-Rewrite-URL: "+target, "X-Original-Uri: "+target, "X_Original_URL: "+target, "X-Original-Method: "+pick(g, methods...),
		"X-Forwarded-Uri: "+target, "X-Forwarded-Method: "+pick(g, methods...), "X-Forwarded-Prefix: "+target, "X-Forwarded-Path: "+target, "X-Forwarded-Host: admin.h", "Forwarded: host=admin.h",
		"Connection: authorization", "Connection: x-http-method-override, close", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Connection: Upgrade\r\nUpgrade: websocket",
		"Origin: https://a.example\r\nAccess-Control-Request-Method: "+pick(g, methods...), "Expect: 100-continue", "Accept: application/json", "Content-Type: application/x-www-form-urlencoded",
		"Host: other", "Authorization: Bearer "+g.Weak, "authorization:Bearer "+g.Weak, "Proxy-Authorization: Bearer "+g.Token, "Cookie: access_token="+g.Token, "X-Forwarded-Authorization: Bearer "+g.Token,
	)
}

// content adds a body.
func (g *Generator) content(r *Request) {
	const length = "Content-Length: %d"
	switch g.IntN(16) {
	case 0:
		r.Body = "_method=" + pick(g, methods...) + "&access_token=" + g.Token
		r.Fields = append(r.Fields, "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf(length, len(r.Body)))
	case 1:
		r.Body = "4\r\nbody\r\n0\r\n" + pick(g, "", "Authorization: Bearer "+g.Token+"\r\n", "X-HTTP-Method-Override: DELETE\r\n", "X-Original-URL: /admin\r\n") + "\r\n"
		r.Fields = append(r.Fields, "Transfer-Encoding: chunked", "Trailer: Authorization, X-HTTP-Method-Override")
	case 2:
		r.Body = "0\r\n\r\n"
		r.Fields = append(r.Fields, "Transfer-Encoding: chunked")
	}
}
