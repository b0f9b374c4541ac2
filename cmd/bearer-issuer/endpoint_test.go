package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestFirstEndpoint runs the programs and the commands of docs/first-endpoint.md. First it runs the
// program of README.md, and then the one of the page, both with free ports. Each line of the outputs
// on the page must be in an output, except for numbers.
func TestFirstEndpoint(t *testing.T) {
	if testing.Short() {
		t.Skip("this test builds programs")
	}
	_ = shells(t) // skips the test without curl
	p := startProgram(t)
	dir, port := t.TempDir(), freeAddress(t)
	address := strings.NewReplacer("http://"+defaultAddress, p.bannerField(t, "environment URL"), "127.0.0.1:8080", port)
	page := address.Replace(readFile(t, "../../docs/first-endpoint.md"))
	programs, commands := fenced(page, "go"), fenced(page, "sh")
	if len(programs) != 2 || len(commands) != 5 {
		t.Fatalf("got %d programs and %d blocks of commands, want 2 and 5", len(programs), len(commands))
	}
	module := strings.Replace(readFile(t, "../../go.mod"), "module github.com/bearerkit/bearer", "module example.com/api", 1)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "go.mod", module+"\nrequire github.com/bearerkit/bearer v0.0.0\nreplace github.com/bearerkit/bearer => "+root+"\n")
	writeFile(t, dir, "go.sum", readFile(t, "../../go.sum"))
	writeFile(t, dir, "main.go", address.Replace(fenced(readFile(t, "../../README.md"), "go")[0]))
	goCommand(t, dir, "build", "-o", "bearer-explain", "github.com/bearerkit/bearer/cmd/bearer-explain")
	function := "PATH=" + dir + ":$PATH\n" + firstGroup(t, p.banner, `\n  (token\(\) \{ .*; \})\n`) + "\n"
	script := function + strings.ReplaceAll(strings.Join(commands[:4], "echo\n"), "curl -i", "curl -sS -i")

	output := p.banner + serveEndpoint(t, dir, port, script)
	writeFile(t, dir, "main.go", programs[0])
	writeFile(t, dir, "main_test.go", programs[1])
	goCommand(t, dir, "test", ".")
	output += serveEndpoint(t, dir, port, function+strings.ReplaceAll(commands[4], "curl -i", "curl -sS -i"))

	output = numbers.ReplaceAllString(strings.ReplaceAll(output, "\r\n", "\n"), "0")
	for _, block := range fenced(page, "text") {
		for line := range strings.Lines(numbers.ReplaceAllString(block, "0")) {
			for part := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "…") {
				if !strings.Contains(output, part) {
					t.Errorf("docs/first-endpoint.md: want an output with %q, got\n%s", part, output)
				}
			}
		}
	}
}

var numbers = regexp.MustCompile(`\d+`)

// serveEndpoint builds the program in the folder, starts it, and runs a script. It returns the outputs of
// the script and of the program.
func serveEndpoint(t *testing.T, dir, address, script string) string {
	t.Helper()
	goCommand(t, dir, "build", "-o", "api", ".")
	var log bytes.Buffer
	api := exec.CommandContext(t.Context(), filepath.Join(dir, "api")) //nolint:gosec // the program of the page
	api.Stdout, api.Stderr = &log, &log
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; {
		if conn, err := net.Dial("tcp", address); err == nil { //nolint:noctx // a connection on the loopback interface
			_ = conn.Close()
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("got no answer from %s in 10 s", address)
		}
	}
	out, _ := runShell(t, "sh", script)
	_ = api.Process.Kill()
	_ = api.Wait() // after Wait, log is complete
	if !strings.Contains(out, "HTTP/1.1 200 OK") || strings.Contains(out, http.StatusText(http.StatusServiceUnavailable)) {
		t.Errorf("got %s, want status 200", out)
	}
	return out + log.String()
}

// freeAddress returns an address of the loopback interface that no program uses.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// fenced returns the fenced blocks of a language.
func fenced(page, language string) (blocks []string) {
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...) //nolint:gosec // the arguments are in this file
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
