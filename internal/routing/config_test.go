package routing_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit/spellings"
)

// A config is a router with its options, a guard, and the routes of the API.
type config struct {
	router, option, guard string
	routes                []route
	handler               http.Handler
	rewrites              bool   // an option changes the path of plain requests
	unfit                 bool   // a table must not be used with this router; see TestUnfitTables
	encoded               bool   // the router compares the encoded path, so it never serves "/projects/café"
	shadowed              string // the path of a route that a different handler with the same rule serves
}

func (c config) String() string {
	return strings.ReplaceAll(strings.Join([]string{c.router, c.option, c.guard}, "/"), " ", "_")
}

// configs returns all configurations that must be sound.
func configs(t *testing.T) []config {
	t.Helper()
	return slices.Concat(serveMux(t), chiRouters(t), ginEngines(t), echoV4(t), echoV5(t), gorillaRouters(t), httpRouters(t))
}

// The guards of a configuration.
const (
	enforce       = "Enforce"
	enforceRoutes = "EnforceRoutes"
	require       = "Require"
)

// serve sends a request to the handler without a connection. It returns the names of the
// routes that served the request, and the pattern that the guard has found. Problem is not
// empty if the handler panicked. If net/http refuses to parse the request, serve returns no
// names.
func (c config) serve(raw string) (served []string, pattern, problem string) {
	r, err := http.ReadRequest(bufio.NewReaderSize(strings.NewReader(raw), 1024))
	if err != nil {
		return nil, "", ""
	}
	pattern = "unknown"
	r.RemoteAddr = "127.0.0.1:1"
	r = r.WithContext(context.WithValue(context.Background(), noteKey{}, &pattern))
	w := &response{header: http.Header{}}
	defer func() {
		served = w.header["Served"]
		if p := recover(); p != nil {
			problem = ourPanic(p, string(debug.Stack()))
		}
	}()
	c.handler.ServeHTTP(w, r)
	return w.header["Served"], pattern, ""
}

// ourPanic describes a panic of a guard. It returns "" for a panic of a router, because some
// routers panic at unusual paths, with and without a guard.
func ourPanic(p any, stack string) string {
	_, stack, _ = strings.Cut(stack, "\npanic(")
	for line := range strings.Lines(stack) {
		if strings.HasPrefix(line, "github.com/bearerkit/bearer") && !strings.Contains(line, "routing_test") {
			return fmt.Sprintf("panic: %v in %s", p, strings.TrimSpace(line))
		}
		if strings.Contains(line, "/") && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "net/") {
			return ""
		}
	}
	return ""
}

// response keeps the header of a response.
type response struct {
	header http.Header
	status int
}

func (w *response) Header() http.Header { return w.header }

func (w *response) Write(p []byte) (int, error) { return len(p), nil }

func (w *response) WriteHeader(status int) { w.status = status }

// wrong returns the name of the first route that served the caller although the rule of the
// route does not allow it. It returns "" if there is none.
func (c config) wrong(served []string, by caller) string {
	for _, name := range served {
		i := slices.IndexFunc(c.routes, func(r route) bool { return r.String() == name })
		if i < 0 || !c.routes[i].allows(by) {
			return name
		}
	}
	return ""
}

// A request is a generated request of a caller.
type request struct {
	spellings.Request
	caller caller
}

// raw returns the bytes of the request for HTTP/1.1.
func (r request) raw() string { return r.Raw(r.caller.credentials()...) }

// A finding is a request that reached a handler against the rule of the handler.
type finding struct {
	config  config
	request request
	served  string // the route of the handler
	pattern string // the pattern that the guard has found
}

func (f finding) String() string {
	return fmt.Sprintf("%s: %q with %s was served by %q; the guard has found %q", f.config, f.request.raw(), f.request.caller, f.served, f.pattern)
}

// try sends a request, and returns the finding if there is one.
func (c config) try(r request) (finding, bool) {
	served, pattern, problem := c.serve(r.raw())
	if problem != "" {
		return finding{c, r, problem, pattern}, true
	}
	by := r.caller
	if name := c.wrong(served, by); name != "" {
		return finding{c, r, name, pattern}, true
	}
	return finding{}, false
}

// shrink returns the shortest finding that it can reach by removing parts of the request.
func (f finding) shrink() finding {
	for changed := true; changed; {
		changed = false
		for simpler := range f.request.simpler() {
			if g, found := f.config.try(simpler); found && g.served == f.served {
				f, changed = g, true
				break
			}
		}
	}
	return f
}

// simpler yields requests that have less than r, or whose caller has fewer rights.
func (r request) simpler() iter.Seq[request] {
	return func(yield func(request) bool) {
		callers := []caller{{}}
		for i := range allScopes {
			callers = append(callers, caller{r.caller.token, r.caller.scopes &^ (1 << i)})
		}
		for _, c := range callers {
			if c != r.caller && !yield(request{r.Request, c}) {
				return
			}
		}
		for simpler := range r.Simpler() {
			if !yield(request{simpler, r.caller}) {
				return
			}
		}
	}
}
