package pages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// needed are the programs that commands of pages call. Commands that call a missing one are skipped.
var needed = regexp.MustCompile(`(?m)\b(curl|promtool|grpcurl|sed|nginx)\b`)

// stage has the programs and addresses for the commands of the pages.
type stage struct {
	bin, issuer, api string
	token            string // the line with the function token that bearer-issuer prints
}

// missing returns an error if this machine lacks a program that each run needs.
func missing() error {
	var errs []error
	for _, name := range []string{"sh", "go", "curl", "sed"} { // the function token needs curl and sed
		_, err := exec.LookPath(name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// newStage builds and starts bearer-issuer, and starts a service that accepts its tokens.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{bin: t.TempDir()}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.bin, "./cmd/...") //nolint:gosec // a temporary folder
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	banner := s.startIssuer(t)
	for field, pattern := range map[*string]string{&s.token: `(?m)^  (token\(\) .*)$`, &s.issuer: `https?://[0-9.:]+`} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(banner)
		if found == nil {
			t.Fatalf("bearer-issuer: want an output that matches %s, got\n%s", pattern, banner)
		}
		*field = found[len(found)-1]
	}
	s.startAPI(t)
	return s
}

// output collects the output of a program.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{} // closed after the text "Ctrl-C"
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := bytes.Contains(o.text.Bytes(), []byte("Ctrl-C"))
	n, err := o.text.Write(data)
	if !before && bytes.Contains(o.text.Bytes(), []byte("Ctrl-C")) {
		close(o.done)
	}
	return n, err
}

// startIssuer starts bearer-issuer and returns the text that it prints.
func (s *stage) startIssuer(t *testing.T) string {
	t.Helper()
	out := &output{done: make(chan struct{})}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.bin, "bearer-issuer"), "-addr", "127.0.0.1:0", "-log", "off") //nolint:gosec // the program that the test has built
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the program was killed, so its exit status means nothing
	})
	select {
	case <-out.done:
	case <-time.After(time.Minute):
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.text.String()
}

// startAPI starts the service of README.md, with the readiness handler of docs/deploying.md.
func (s *stage) startAPI(t *testing.T) {
	t.Helper()
	verifier, err := bearer.New(bearer.Config{
		Issuer: s.issuer, Audience: []string{"deployment-api.acmecorp.com"}, Profile: bearer.Scalekit, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := verifier.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "deploying for %s\n", claims.ClientID())
	}))
	ready, err := middleware.NewReadiness(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /readyz", ready)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.api = strings.TrimPrefix(server.URL, "http://")
}

// replace replaces the addresses of a page.
func (s *stage) replace(text string) string {
	return strings.NewReplacer("http://127.0.0.1:8790", s.issuer, "https://acme.scalekit.dev", s.issuer, "https://ISSUER/KEYS", s.issuer+"/keys",
		"https://ISSUER", s.issuer, "127.0.0.1:8790", strings.TrimPrefix(s.issuer, "http://"), "127.0.0.1:8080", s.api, "localhost:8080", s.api).Replace(text)
}

// run runs commands in a folder that has the file token with an access token, and a module. If fails
// is true, the last command must fail. run returns the output of the commands.
func (s *stage) run(t *testing.T, where, commands string, fails bool) string {
	t.Helper()
	for _, match := range needed.FindAllString(commands, -1) {
		if _, err := exec.LookPath(match); err != nil {
			t.Skipf("%s: this machine has no %s", where, match)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/api\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", s.token+"\ntoken > token\n"+s.replace(commands)) //nolint:gosec // the commands are in the pages
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+s.bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "NO_COLOR=1", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if (err != nil) != fails {
		t.Errorf("%s: got error %v, want an error: %v; output:\n%s", where, err, fails, out)
	}
	return string(out)
}
