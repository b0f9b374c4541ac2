// Package demotest runs the programs in nethttp and routers in tests. Copies of these programs
// and of their tests may import it, but it is not covered by the rules for compatible releases.
package demotest

import (
	"bufio"
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Routes yields all routes of the API except "fail". The paths have the syntax of a router. In
// this syntax, the argument param is the wildcard "id". The argument rest is the wildcard at
// the end of a path.
func Routes(param, rest string) iter.Seq[routertest.Route] {
	path := strings.NewReplacer("{path...}", rest, "{section}", param, "{id}", param)
	return func(yield func(routertest.Route) bool) {
		for _, route := range routertest.Routes() {
			route.Path = path.Replace(route.Path)
			if route.Name != "fail" && !yield(route) {
				return
			}
		}
	}
}

// Named tests rules by the names of a router's routes.
type Named = routertest.Named

// NamedRoute is a route of Named, in the syntax of the router.
type NamedRoute = routertest.NamedRoute

// Table returns the rules of all routes in a table.
func Table() *scopes.Table { return routertest.Table() }

// Guard returns a guard that accepts no token.
func Guard(t *testing.T) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(new(bearer.JWTVerifier), nil)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// Run runs the program and sends the requests of package routertest to the program. The
// argument enforced must be true if a table of rules guards the whole router.
func Run(t *testing.T, enforced bool, api func(*middleware.Guard) http.Handler) {
	t.Helper()
	run(t, api, func(url string, issuer *bearertest.Issuer) { routertest.Run(t, url, issuer, enforced) })
}

// RunRoutes does what Run does for a program that has rules by the names of the router's
// routes.
func RunRoutes(t *testing.T, api func(*middleware.Guard) http.Handler) {
	t.Helper()
	run(t, api, func(url string, issuer *bearertest.Issuer) { routertest.RunRoutes(t, url, issuer) })
}

func run(t *testing.T, api func(*middleware.Guard) http.Handler, send func(url string, issuer *bearertest.Issuer)) {
	t.Helper()
	// The program logs to slog.Default. A process logs a number of refusals a minute, and RunProfile
	// needs some of them.
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	defer slog.SetDefault(before)
	runWith(t, &bearertest.Options{Algorithms: []string{"ES256"}}, nil, api, send)
}

// runWith runs the program with an issuer and with additional arguments.
func runWith(t *testing.T, options *bearertest.Options, args []string, api func(*middleware.Guard) http.Handler, send func(url string, issuer *bearertest.Issuer)) {
	t.Helper()
	issuer := bearertest.NewIssuer(options)
	defer issuer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, append([]string{"-addr", "127.0.0.1:0", "-issuer", issuer.URL(), "-audience", routertest.Audience}, args...), in, api)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	lines := bufio.NewReader(out)
	url, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	list := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(lines) // until the program ends
		list <- string(text)
	}()
	send(strings.TrimSpace(url), issuer)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("demo.Run: got error %v, want no error", err)
	}
	// The program prints one line for each route.
	routes := strings.Split(strings.TrimSuffix(<-list, "\n"), "\n")
	if len(routes) < len(routertest.Routes()) {
		t.Errorf("got %d lines with routes, want at least %d lines; lines: %q", len(routes), len(routertest.Routes()), routes)
	}
	for _, line := range routes {
		if !strings.HasPrefix(line, "- ") || !strings.Contains(line, " /") && !strings.HasPrefix(line, "- /") {
			t.Errorf("got line %q, want a line that names a route", line)
		}
	}
}
