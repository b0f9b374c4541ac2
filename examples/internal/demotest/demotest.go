// Package demotest runs the programs of the routers in tests.
package demotest

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/internal/demo"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
)

// Routes yields the routes of the API, without "fail", in the syntax of a router:
// param is its wildcard "id", and rest its wildcard at the end of a path.
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

// Run runs the program on a listener of its own and sends it the table of
// requests that every router gets.
func Run(t *testing.T, enforced bool, api func(*middleware.Guard) http.Handler) {
	t.Helper()
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, []string{"-addr", "127.0.0.1:0", "-issuer", issuer.URL(), "-audience", routertest.Audience}, in, api)
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
	routertest.Run(t, strings.TrimSpace(url), issuer, enforced)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v at the end", err)
	}
	// Every route has its line, which names it.
	routes := strings.Split(strings.TrimSuffix(<-list, "\n"), "\n")
	if len(routes) < len(routertest.Routes()) {
		t.Errorf("got %d lines, want at least %d: %q", len(routes), len(routertest.Routes()), routes)
	}
	for _, line := range routes {
		if !strings.HasPrefix(line, "- ") || !strings.Contains(line, " /") && !strings.HasPrefix(line, "- /") {
			t.Errorf("got %q, want a route by its name", line)
		}
	}
}
