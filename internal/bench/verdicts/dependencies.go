package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bearerkit/bearer/internal/bench/peers"
)

// service has the packages that a service imports to use a library as the benchmark does.
var service = map[string][]string{
	peers.Ours:                   {"github.com/bearerkit/bearer", "github.com/bearerkit/bearer/middleware"},
	"golang-jwt + keyfunc":       {"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"},
	"echo-jwt + keyfunc":         {"github.com/labstack/echo-jwt/v4", "github.com/MicahParks/keyfunc/v3"},
	"go-oidc":                    {"github.com/coreos/go-oidc/v3/oidc"},
	"jwx":                        {"github.com/lestrrat-go/jwx/v3/jwt", "github.com/lestrrat-go/jwx/v3/jwk", "github.com/lestrrat-go/httprc/v3"},
	"hashicorp/cap":              {"github.com/hashicorp/cap/jwt"},
	"auth0/go-jwt-middleware v2": {"github.com/auth0/go-jwt-middleware/v2", "github.com/auth0/go-jwt-middleware/v2/jwks", "github.com/auth0/go-jwt-middleware/v2/validator"},
	"auth0/go-jwt-middleware v3": {"github.com/auth0/go-jwt-middleware/v3", "github.com/auth0/go-jwt-middleware/v3/jwks", "github.com/auth0/go-jwt-middleware/v3/validator"},
	"go-chi/jwtauth (one key)":   {"github.com/go-chi/jwtauth/v5", "github.com/lestrrat-go/jwx/v2/jwk"},
}

// needs are the dependencies of a service with one library.
type needs struct {
	// Packages and Modules are the numbers of packages outside the standard library that the service
	// compiles, and of their modules. Sums is the number of lines in go.sum.
	Packages, Modules, Sums int
	// Go is the oldest version of Go that all these modules support. Released is the date of its version.
	Go, Released string
}

// measureNeeds writes a service that imports the library, in a new module, and runs the go command
// there. The versions are those of internal/bench/go.mod.
func measureNeeds(ctx context.Context, peer peers.Peer) (needs, error) {
	var n needs
	imports := service[peer.Name]
	if len(imports) == 0 {
		return n, errors.New("a library has no imports in the list")
	}
	dir, err := os.MkdirTemp("", "verdicts")
	if err != nil {
		return n, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeService(dir, imports); err != nil {
		return n, err
	}
	if _, err := goCommand(ctx, dir, "mod", "tidy"); err != nil {
		return n, err
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum")) //nolint:gosec // the folder is new
	if err != nil {
		return n, err
	}
	n.Sums = bytes.Count(sums, []byte("\n"))
	list, err := goCommand(ctx, dir, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}|{{.GoVersion}}{{end}}{{end}}", ".")
	if err != nil {
		return n, err
	}
	modules := map[string]bool{}
	for line := range strings.Lines(list) {
		module, oldest, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			continue // a package of the standard library
		}
		n.Packages++
		modules[module] = true
		if version.Compare("go"+oldest, "go"+n.Go) > 0 {
			n.Go = oldest
		}
	}
	n.Modules = len(modules)
	released, err := goCommand(ctx, dir, "list", "-m", "-f", `{{with .Time}}{{.Format "2006-01-02"}}{{end}}`, peer.Module)
	n.Released = strings.TrimSpace(released)
	return n, err
}

// writeService writes the files of a module with these imports.
func writeService(dir string, imports []string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	text := "module service\n\ngo 1.26.0\n\nreplace github.com/bearerkit/bearer => " + root + "\n"
	code := "package main\n\nimport (\n"
	for _, name := range imports {
		code += fmt.Sprintf("\t_ %q\n", name)
		for line := range strings.Lines(string(mod)) {
			if module, _, ok := strings.Cut(strings.TrimSpace(line), " v"); ok && (name == module || strings.HasPrefix(name, module+"/")) {
				text += "require " + strings.TrimSpace(line) + "\n"
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.go"), []byte(code+")\n\nfunc main() {}\n"), 0o600)
}

// goCommand runs the go command in a folder and returns its output.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the callers are in this file
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var message bytes.Buffer
	command.Stderr = &message
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, message.String())
	}
	return string(out), nil
}
