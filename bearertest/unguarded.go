package bearertest

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/probe"
)

// Unguarded sends a request without a token for each route to h, and returns the routes
// that no guard of this module protects. The sequence contains the method and the pattern
// of each route. The functions Routes of the router adapters return such a sequence. The
// result contains routes in the form "METHOD pattern", in the order of the sequence:
//
//	if open := bearertest.Unguarded(router, ginbearer.Routes(engine)); len(open) > 0 {
//		t.Errorf("got routes without a guard %q, want none", open)
//	}
//
// A route is protected if a guard refuses the request, or if a rule of the guard allows
// requests without a token. A handler that answers 401 itself is not protected.
//
// A pattern can have the syntax of [http.ServeMux], chi, gin, echo or gorilla/mux. Unguarded
// replaces wildcards by values, and a wildcard with a regular expression by a text that
// matches. The pattern can contain the method, in front of the path, and a host. For a route
// without a method, Unguarded sends a request for each of the usual methods.
//
// Unguarded also returns a route if its request does not show that a guard protects the
// route. In this case, the reason follows in parentheses: the router responds with 404 or
// 405; the handler panics; or Unguarded finds no path for the pattern.
//
// Unguarded runs the handlers of unprotected and public routes, so use it only in tests,
// with handlers that may run. The request's context is canceled after 5 seconds. A
// middleware must pass the values of the request's context on. Otherwise, Unguarded does
// not see the guard. The refusals of the requests are not logged to bearer.Config.Logger. An
// observer receives them.
func Unguarded(h http.Handler, routes iter.Seq2[string, string]) []string {
	var unguarded []string
	for method, pattern := range routes {
		if m, rest, found := strings.Cut(pattern, " "); found && !strings.ContainsAny(m, "/{") {
			method, pattern = m, strings.TrimLeft(rest, " \t")
		}
		methods := []string{method}
		if method == "" {
			methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
		}
		for _, method := range methods {
			if problem, found := findProblem(h, method, pattern); found {
				unguarded = append(unguarded, method+" "+pattern+problem)
			}
		}
	}
	return unguarded
}

// findProblem sends a request for each possible reading of the pattern. The route is
// protected if a guard sees one request, and no other request is served without a guard.
func findProblem(h http.Handler, method, pattern string) (problem string, found bool) {
	problem, found = " (no path matches the pattern)", true
	host, path := "", pattern
	if i := strings.IndexByte(pattern, '/'); i > 0 {
		host, path = pattern[:i], pattern[i:]
	}
	for _, example := range examplePaths(path) {
		guarded, status, panicked := send(h, method, host, example)
		switch {
		case guarded:
			found = false
		case panicked != nil:
			return fmt.Sprintf(" (panic: %v)", panicked), true
		case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
			problem = fmt.Sprintf(" (status %d)", status)
		default:
			return "", true
		}
	}
	return problem, found
}

// probeTimeout is the longest time that a handler may take for one request of Unguarded.
const probeTimeout = 5 * time.Second

// send sends one request to h.
func send(h http.Handler, method, host, path string) (guarded bool, status int, panicked any) {
	if host == "" {
		host = "example.com"
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	ctx, record := probe.With(ctx)
	u := &url.URL{Path: path}
	r := (&http.Request{
		Method: method, URL: u, Host: host, RequestURI: u.RequestURI(), Header: http.Header{}, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1234",
	}).WithContext(ctx)
	w := &statusRecorder{header: http.Header{}}
	defer func() {
		panicked = recover()
		guarded = record.Guarded()
		status = w.status
	}()
	h.ServeHTTP(w, r)
	return false, 0, nil
}

// statusRecorder is a response writer that keeps only the status.
type statusRecorder struct {
	header http.Header
	status int
}

// Header returns the header of the response.
func (w *statusRecorder) Header() http.Header { return w.header }

// WriteHeader keeps the first final status.
func (w *statusRecorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write discards the body.
func (w *statusRecorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(b), nil
}

// Flush sends the header, as a server does.
func (w *statusRecorder) Flush() { w.WriteHeader(http.StatusOK) }
