// Command onerequest prints the number of statements that one accepted HTTP request executes,
// and the files that contain them. It sends a request with a new token, and then a request
// with the same token. Build the command with coverage:
//
//	go build -cover -covermode=atomic -coverpkg=github.com/bearerkit/bearer/... -o one ./onerequest && ./one
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/coverage"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "onerequest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{"api"}})
	defer issuer.Close()
	keys, err := jwks.Discover(issuer.URL(), nil) //nolint:contextcheck // the call of Close stops the cache
	if err != nil {
		return err
	}
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"api"}, Keys: keys}) //nolint:contextcheck // New starts no goroutine if Config.Keys is set
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(v.Close(), keys.Close()) }()
	guard, err := middleware.New(v, nil)
	if err != nil {
		return err
	}
	handler := guard.Require(scopes.All("a"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	request := func(token string) error {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return fmt.Errorf("got status %d, want 200: %s", w.Code, w.Body)
		}
		return nil
	}
	// The first request fetches the keys and fills the pools, so it is not counted.
	if err := request(issuer.Token(map[string]any{"scope": "a"})); err != nil {
		return err
	}
	token := issuer.Token(map[string]any{"scope": "a"})
	for _, name := range []string{"new", "repeated"} {
		if err := coverage.ClearCounters(); err != nil {
			return err
		}
		if err := request(token); err != nil {
			return err
		}
		if err := report(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// report prints the executed files and the number of executed statements since the counters
// were cleared. It does not count this program and the test issuer.
func report(ctx context.Context, name string) (err error) {
	dir, err := os.MkdirTemp("", "onerequest")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	if err := coverage.WriteCountersDir(dir); err != nil {
		return err
	}
	profile := dir + "/profile.txt"
	if out, err := exec.CommandContext(ctx, "go", "tool", "covdata", "textfmt", "-i="+dir, "-o="+profile).CombinedOutput(); err != nil { //nolint:gosec // the arguments are paths in a temporary folder
		return fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(profile) //nolint:gosec // the file is in the temporary folder
	if err != nil {
		return err
	}
	statements := make(map[string]int)
	total := 0
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		file, _, ok := strings.Cut(fields[0], ":")
		if !ok || len(fields) != 3 || fields[2] == "0" || strings.Contains(file, "/internal/bench/") || strings.Contains(file, "/bearertest/") {
			continue
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			return err
		}
		statements[strings.TrimPrefix(file, "github.com/bearerkit/bearer/")] += n
		total += n
	}
	files := make([]string, 0, len(statements))
	for file, n := range statements {
		files = append(files, fmt.Sprintf("  %s %d", file, n))
	}
	slices.Sort(files)
	_, err = fmt.Fprintf(os.Stdout, "%s: %d files, %d statements\n%s\n", name, len(statements), total, strings.Join(files, "\n"))
	return err
}
