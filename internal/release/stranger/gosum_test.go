package stranger_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const modulePath = "github.com/bearerkit/bearer"

// heavy matches modules that only some packages may need.
var heavy = regexp.MustCompile(`^(github\.com/(prometheus|gin-gonic|labstack|go-chi|redis)/|go\.opentelemetry\.io/|google\.golang\.org/grpc )`)

// TestGoSum creates a module for each public package. The module imports only this package. The
// go.sum of this module must not contain the source of heavy modules that the package does not
// need. Lines for a go.mod are allowed, because the go command needs them to select versions.
func TestGoSum(t *testing.T) {
	needsRelease(t)
	for _, row := range []struct{ name, needs string }{ // a package, and the modules of heavy that it needs
		{"", ""},
		{"/scopes", ""},
		{"/jwks", ""},
		{"/middleware", ""},
		{"/interceptor", `google\.golang\.org/grpc|go\.opentelemetry\.io/`}, // tests of grpc import OpenTelemetry
		{"/metrics", `github\.com/prometheus/`},
		{"/bearertest", ""},
		{"/middleware/chibearer", `github\.com/go-chi/`},
		{"/middleware/ginbearer", `github\.com/gin-gonic/`},
		{"/middleware/echov4bearer", `github\.com/labstack/`},
		{"/middleware/echov5bearer", `github\.com/labstack/`},
		{"/tracing", `go\.opentelemetry\.io/`},
	} {
		t.Run("bearer"+row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "user.go"), "package user\n\nimport _ \""+modulePath+row.name+"\"\n")
			command(t, dir, "go", "mod", "init", "example.com/user")
			command(t, dir, "go", "get", modulePath+row.name+"@"+version)
			command(t, dir, "go", "mod", "tidy")
			data, err := os.ReadFile(filepath.Join(dir, "go.sum")) //nolint:gosec // a file of the test
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			t.Logf("%-24s %3d lines in go.sum", "bearer"+row.name, strings.Count(string(data), "\n"))
			needed := regexp.MustCompile(`^(` + row.needs + `)`)
			found := false
			for line := range strings.Lines(string(data)) {
				mod, rest, _ := strings.Cut(line, " ")
				if regexp.MustCompile(`golangci|gofumpt|honnef`).MatchString(mod) {
					t.Errorf("got %s, want a go.sum without tools", mod)
				}
				if strings.Contains(rest, "/go.mod ") || !heavy.MatchString(line) {
					continue
				}
				if row.needs == "" || !needed.MatchString(line) {
					t.Errorf("got %s, want a go.sum without this module", strings.TrimSpace(line))
				}
				found = true
			}
			if found != (row.needs != "") {
				t.Errorf("modules of %q: got %t, want %t", row.needs, found, row.needs != "")
			}
		})
	}
}
