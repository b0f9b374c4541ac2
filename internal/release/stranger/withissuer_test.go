package stranger_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExamplesWithIssuer runs the commands of examples/README.md that start an example with the
// issuer bearer-issuer, and calls the example. Each refusal must be in the log of the example.
func TestExamplesWithIssuer(t *testing.T) {
	needsRelease(t)
	s := findSection(t, examplesPage, "With the issuer bearer-issuer")
	web, forward, mcp := s.block(t, "sh", "./examples/nethttp "), s.block(t, "sh", "./examples/forwardauth "), s.block(t, "sh", "cd examples/mcp")
	if got := len(s.blocks("sh")); got != 4 {
		t.Errorf("%s: section %q: got %d blocks with commands, want 4", examplesPage, s.title, got)
	}
	// The audience of the tokens in seed.yaml is this URL, also if the test chooses a free address.
	resource := []string{"-resource", "http://" + programAddress + "/mcp"}
	for _, row := range []struct {
		name          string
		issuer, start string // the first line that contains this text
		block, calls  string
		args, want    []string
	}{
		{"nethttp", "bearer-issuer", "./examples/nethttp", web, s.block(t, "sh", "/deployments"), nil, []string{"200", "403", "401"}},
		{"chi", "bearer-issuer", "go run ./chi", web, s.block(t, "sh", "/deployments"), nil, []string{"200", "403", "401"}},
		{"forwardauth", "bearer-issuer", "./examples/forwardauth ", forward, linesWith(forward, "report"), nil, []string{"204", "403", "401"}},
		{"mcp", "bearer-issuer", "cd examples/mcp", mcp, commentLines(t, "examples/mcp/main.go", "session"), resource, []string{"200", "403", "401"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, words := buildInClone(t, firstLine(t, row.block, row.issuer))
			i := runIssuer(t, dir, words)
			address := freeAddress(t)
			dir, words = buildInClone(t, strings.ReplaceAll(firstLine(t, row.block, row.start), issuerAddress, i.address))
			p := start(t, dir, slices.Concat(words, []string{"-addr", address}, row.args)...)
			waitForServer(t, p, address)
			out := i.with(t, address, row.calls)
			t.Log(out)
			if got := statuses(out); !slices.Equal(got, row.want) {
				t.Errorf("got statuses %q, want %q; output:\n%s", got, row.want, out)
			}
			p.waitFor(t, "reason=no_token") // the last call
			if log := p.output(); !strings.Contains(log, "reason=scope") {
				t.Errorf("want a log with the reason scope, got\n%s", log)
			}
		})
	}
}

// buildInClone builds the program of a command such as "cd examples/mcp && go run . -issuer URL" in a
// clone. It returns the folder and the words that start the program. A signal to go run does not
// reach the program, so the tests do not use go run.
func buildInClone(t *testing.T, line string) (dir string, words []string) {
	t.Helper()
	match := regexp.MustCompile(`^(?:cd (\S+) && )?go run (\S+)(.*)$`).FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("%s: got command %q, want go run", examplesPage, line)
	}
	dir = filepath.Join(released.tree, filepath.FromSlash(match[1]))
	program := filepath.Join(t.TempDir(), "program.exe") // Windows needs the suffix
	command(t, dir, "go", "build", "-o", program, match[2])
	return dir, append([]string{program}, strings.Fields(match[3])...)
}

// linesWith returns the lines that begin with a word.
func linesWith(text, word string) string {
	return strings.Join(regexp.MustCompile(`(?m)^`+word+`\b.*$`).FindAllString(text, -1), "\n") + "\n"
}

// firstLine returns the first line that contains a text.
func firstLine(t *testing.T, block, text string) string {
	t.Helper()
	for line := range strings.Lines(block) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("%s: got no command with %q, want one in\n%s", examplesPage, text, block)
	return ""
}

// commentLines returns the commands in the comment of a file that begin with a word.
func commentLines(t *testing.T, file, word string) string {
	t.Helper()
	return linesWith(regexp.MustCompile(`(?m)^//\t`).ReplaceAllString(page(t, file), ""), word)
}
