package realissuers_test

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed */package.json */package-lock.json */*.mjs
var sources embed.FS

// oldestNode is the oldest major release of Node that oidc-provider supports.
const oldestNode = 20

// unreachable matches the output of npm if npm cannot reach its registry.
var unreachable = regexp.MustCompile(`E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)|network`)

// packages is a folder with installed packages of npm and with programs that use the packages.
type packages struct{ node, dir string }

// install copies a folder of this module to a temporary folder and installs the packages of
// its lock file. It skips the test if the packages cannot be installed on this machine.
func install(t *testing.T, folder string) packages {
	t.Helper()
	var paths [2]string
	for n, name := range []string{"node", "npm"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s needs %s, which is not installed: %v", folder, name, err)
		}
		paths[n] = path
	}
	node, npm := paths[0], paths[1]
	version, err := exec.CommandContext(t.Context(), node, "-p", "process.versions.node.split('.')[0]").Output() //nolint:gosec // node is the path of the program node
	if err != nil {
		t.Fatal(err)
	}
	if major, err := strconv.Atoi(strings.TrimSpace(string(version))); err != nil || major < oldestNode {
		t.Skipf("%s needs Node %d or newer, but Node %s is installed", folder, oldestNode, strings.TrimSpace(string(version)))
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, folder)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1") //nolint:gosec // npm is the path of the program npm
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil || unreachable.Match(out) {
			t.Skipf("npm cannot reach its registry to install the packages of %s: %v", folder, err)
		}
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return packages{node, dir}
}

// version returns the version of an installed package.
func (p packages) version(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "node_modules", name, "package.json")) //nolint:gosec // the names are constants
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Version
}

// program is a running program in Node. It reads lines, and answers each line with one line
// of JSON.
type program struct {
	packages

	input  io.Writer
	output *bufio.Scanner
}

// start runs a program of the folder until the test ends. The variables are additional
// variables of the environment.
func (p packages) start(t *testing.T, variables []string, args ...string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.node, args...) //nolint:gosec // node is the path of the program node
	cmd.Dir, cmd.WaitDelay, cmd.Env = p.dir, 10*time.Second, append(os.Environ(), variables...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The context of the test has ended. If the end of the context killed the program,
		// there are errors here. They do not matter.
		_, _ = stdin.Close(), cmd.Wait()
		if t.Failed() {
			t.Logf("output of %s:\n%s", args[0], stderr.String())
		}
	})
	return &program{packages: p, input: stdin, output: bufio.NewScanner(stdout)}
}

// send sends a line to the program.
func (p *program) send(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.input, line); err != nil {
		t.Fatal(err)
	}
}

// receive reads the next answer of the program into v.
func (p *program) receive(t *testing.T, v any) {
	t.Helper()
	if !p.output.Scan() {
		t.Fatalf("got no answer of the program (%v), want one; the log of the test has its output", p.output.Err())
	}
	if err := json.Unmarshal(p.output.Bytes(), v); err != nil {
		t.Fatalf("got the answer %q, want JSON: %v", p.output.Text(), err)
	}
}
