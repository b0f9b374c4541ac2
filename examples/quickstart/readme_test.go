package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

const root = "../.."

// readme returns the text of README.md, followed by the text of cmd/bearer-issuer/README.md.
// In the comments of this file, "the README" means these two texts.
func readme(t *testing.T) string {
	t.Helper()
	return readFile(t, "README.md") + readFile(t, "cmd/bearer-issuer/README.md")
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(root), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// codeBlocks returns all fenced blocks of a language in the README. The order is the order
// in the README.
func codeBlocks(t *testing.T, language string) []string {
	t.Helper()
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// codeBlock returns the fenced block of this language that contains fragment. The README
// must have exactly one such block.
func codeBlock(t *testing.T, language, fragment string) string {
	t.Helper()
	var found []string
	for _, block := range codeBlocks(t, language) {
		if strings.Contains(block, fragment) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d blocks of language %s with %q, want 1 block", len(found), language, fragment)
	}
	return found[0]
}

// TestREADMEBlocks counts the fenced blocks of the README, because the other tests must
// check every block.
func TestREADMEBlocks(t *testing.T) {
	want := map[string]int{"go": 3, "sh": 8}
	total := 0
	for language, n := range want {
		if got := len(codeBlocks(t, language)); got != n {
			t.Errorf("got %d blocks of language %s, want %d blocks", got, language, n)
		}
		total += n
	}
	if got := strings.Count("\n"+readme(t), "\n```"); got != 2*total {
		t.Errorf("got %d fences, want %d fences; a block may have an unexpected language", got, 2*total)
	}
	if got := strings.Count(readFile(t, "README.md"), "\n"); got >= 150 {
		t.Errorf("got %d lines in README.md, want fewer than 150 lines", got)
	}
	if got, want := codeBlock(t, "sh", "go test"), "go run ./examples/quickstart\ngo test ./...\n"; got != want {
		t.Errorf("got commands %q, want commands %q", got, want)
	}
	for _, page := range []string{"README.md", "cmd/bearer-issuer/README.md"} {
		prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(readFile(t, page), "")
		for _, match := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(prose, -1) {
			file, _, _ := strings.Cut(match[1], "#") // TestGuideLinks checks the headings
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), file)); err != nil {
				t.Errorf("%s: broken link: %v", page, err)
			}
		}
	}
}

// fragmentsFile is a Go file. The README's short blocks of Go code replace the words HTTP,
// GRPC and INLINE in this file.
const fragmentsFile = `package fragments

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
	"google.golang.org/grpc"
)

func overHTTP(guard *middleware.Guard, mux *http.ServeMux) http.Handler {
	HTTP
	return handler
}

func overGRPC(verifier bearer.Verifier) (*grpc.Server, error) {
	GRPC
	return server, err
}

type Deployer struct{}

func inText(ctx context.Context) {
	INLINE
}
`

// inlineGo returns the inline code of the README that begins with "bearer.", as Go
// statements.
func inlineGo(t *testing.T) string {
	t.Helper()
	var statements strings.Builder
	for _, match := range regexp.MustCompile("`(bearer\\.[^`\n]*)`").FindAllStringSubmatch(readme(t), -1) {
		if !strings.HasSuffix(match[1], ")") {
			statements.WriteString("_ = ")
		}
		statements.WriteString(match[1] + "\n")
	}
	return statements.String()
}

// TestREADMEGo compiles the README's Go code. The test uses an overlay to add the code to
// this module.
func TestREADMEGo(t *testing.T) {
	goTool(t)
	dir := t.TempDir()
	files := map[string]string{
		"examples/readme/main.go": codeBlock(t, "go", "package main"),
		"examples/fragments/fragments.go": strings.NewReplacer(
			"\tHTTP\n", codeBlock(t, "go", "scopes.Table"),
			"\tGRPC\n", codeBlock(t, "go", "interceptor.New"),
			"\tINLINE\n", inlineGo(t),
		).Replace(fragmentsFile),
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for name, text := range files {
		from, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][from] = filepath.Join(dir, filepath.Base(name))
		write(t, overlay["Replace"][from], text)
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(list))
	run(t, root, nil, "go", "build", "-overlay="+filepath.Join(dir, "overlay.json"), "./examples/readme", "./examples/fragments")
}

// TestREADMEModule creates a new module and runs the README's commands for a new module. In
// place of go get, it runs the README's command for a clone. The stranger tests of
// internal/release run the same commands with go get and start the program.
func TestREADMEModule(t *testing.T) {
	goTool(t)
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	clone := firstGroup(t, readme(t), "`(go mod edit -replace=[^`]*=)\\.\\./bearer`") + checkout
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), codeBlock(t, "go", "package main"))
	var ran []string
	for line := range strings.Lines(codeBlock(t, "sh", "go get")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "go get ") {
			line = clone
		}
		ran = append(ran, line)
		if line != "go run ." {
			words := strings.Fields(line)
			run(t, dir, nil, words[0], words[1:]...)
		}
	}
	if want := []string{"go mod init example.com/api", clone, "go mod tidy", "go run ."}; !slices.Equal(ran, want) {
		t.Errorf("got commands %q, want %q", ran, want)
	}
	run(t, dir, nil, "go", "vet", "./...")
	if sums := readAt(t, dir, "go.sum"); strings.Contains(sums, "google.golang.org/grpc") {
		t.Errorf("module that imports middleware, but not interceptor: want a go.sum without gRPC, got\n%s", sums)
	}
}

// TestREADMEByHand runs the README's curl commands, and then the quickstart. The commands use an environment that is configured like the environment of bearer-issuer.
func TestREADMEByHand(t *testing.T) {
	goTool(t)
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	placeholders, script, _ := strings.Cut(codeBlock(t, "sh", "CLIENT_ID=skc_"), "\n")
	if want := "URL=http://127.0.0.1:8790 ORGANIZATION_ID=org_… CLIENT_ID=skc_… CLIENT_SECRET=test_…"; placeholders != want {
		t.Errorf("got first line %q, want first line %q", placeholders, want)
	}
	const quickstart = "go run ./examples/quickstart\n"
	if !slices.Contains(codeBlocks(t, "sh"), quickstart) {
		t.Errorf("want a block with only the command %q", quickstart)
	}
	if !strings.Contains(readFile(t, "cmd/bearer-issuer/main.go"), `"127.0.0.1:8790"`) {
		t.Error("cmd/bearer-issuer does not contain the address 127.0.0.1:8790 of the README")
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	env, admin, err := scalekit.New(scalekit.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	stop := serveHTTP(t.Context(), listener, env.Handler())
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	bin := t.TempDir()
	run(t, root, nil, "go", "build", "-o", bin, "./cmd/bearer-explain")
	out := run(t, root, []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"URL=" + url, "ORGANIZATION_ID=" + admin.OrganizationID,
		"CLIENT_ID=" + admin.ClientID, "CLIENT_SECRET=" + admin.ClientSecret,
	}, "sh", "-euc", script+quickstart)
	for _, want := range []string{`"expires_in":3600`, `"scope":"deploy:applications read:deployments"`, "\nallowed\n", "ok    rule ", "12 of 12 calls as expected, 21 skipped"} {
		if !strings.Contains(out, want) {
			t.Errorf("want output with %q, got\n%s", want, out)
		}
	}
}

// TestREADMECompatibility checks that the README contains the versions in go.mod, and that
// it contains the names of the environment variables.
func TestREADMECompatibility(t *testing.T) {
	mod := readFile(t, "go.mod")
	goVersion := firstGroup(t, mod, `(?m)^go (\d+\.\d+)`)
	grpcVersion := firstGroup(t, mod, `google\.golang\.org/grpc v(\S+)`)
	for _, want := range []string{"Go " + goVersion + " or newer", "google.golang.org/grpc " + grpcVersion + " or newer"} {
		if !strings.Contains(readme(t), want) {
			t.Errorf("the README does not contain %q", want)
		}
	}
	for _, name := range []string{"SCALEKIT_ENVIRONMENT_URL", "M2M_CLIENT_ID", "M2M_CLIENT_SECRET", "M2M_AUDIENCE"} {
		if !strings.Contains(readme(t), "`"+name+"`") {
			t.Errorf("the README does not contain %q", name)
		}
	}
}

// declaredReasons returns the values of all constants of type Reason.
func declaredReasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "reason.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Reason" {
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok {
					reasons = append(reasons, strings.Trim(literal.Value, `"`))
				}
			}
		}
		return true
	})
	return reasons
}

// goTool skips the test if the command go is missing.
func goTool(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
}

// run runs a command and returns its output.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...) //nolint:gosec // the commands are in the README
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: got error %v, want no error; output:\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAt(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(dir), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
