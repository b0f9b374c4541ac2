package stranger_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The addresses in the pages. The tests replace these with free addresses.
const (
	issuerAddress      = "127.0.0.1:8790"
	programAddress     = "127.0.0.1:8080"
	forwardAuthAddress = "127.0.0.1:9091"
)

// issuer is a running bearer-issuer.
type issuer struct {
	address string
	printed string // the text that bearer-issuer printed at its start
	token   string // the printed line that declares the function token
}

// startIssuer installs bearer-issuer and starts it by the words of docs/install.md.
func startIssuer(t *testing.T) issuer {
	t.Helper()
	dir := t.TempDir()
	var words []string
	for line := range strings.Lines(findSection(t, installPage, "An issuer to try a program").block(t, "sh", "\nbearer-issuer\n")) {
		if words = strings.Fields(line); words[0] == "go" {
			t.Log(command(t, dir, words...))
		}
	}
	i := runIssuer(t, dir, words)
	if got := command(t, dir, "bearer-issuer", "-version"); !strings.Contains(got, version) {
		t.Errorf("bearer-issuer -version: got %q, want %s", got, version)
	}
	return i
}

// runIssuer starts bearer-issuer in a folder and takes the function token from its output.
func runIssuer(t *testing.T, dir string, words []string) issuer {
	t.Helper()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	i := issuer{address: freeAddress(t)}
	p := start(t, dir, append(words, "-addr", i.address)...) // another program may use the default address
	i.printed = p.waitFor(t, "Ctrl-C")
	match := regexp.MustCompile(`(?m)^  (token\(\) .*)$`).FindStringSubmatch(i.printed)
	if match == nil {
		t.Fatalf("bearer-issuer: want a line that declares the function token, got\n%s", i.printed)
	}
	i.token = match[1]
	return i
}

// TestPrintedCommands runs the commands that bearer-issuer prints for the registration of a client
// and for an access token.
func TestPrintedCommands(t *testing.T) {
	needsRelease(t)
	i := startIssuer(t)
	_, out, found := strings.Cut(i.printed, "Set the variables for Scalekit's SDKs:\n")
	out, _, end := strings.Cut(out, "Fetch the keys and the metadata:\n")
	if !found || !end {
		t.Fatalf("bearer-issuer: got no commands, want some; output:\n%s", i.printed)
	}
	var script strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "  ") {
			script.WriteString(line)
		}
	}
	script.WriteString("\necho; echo got $M2M_CLIENT_ID $M2M_CLIENT_SECRET\n")
	printed := shell(t, t.TempDir(), nil, script.String())
	if !strings.Contains(printed, `"access_token":"`) || !regexp.MustCompile(`(?m)^got m2morg_\d+ test_\S+$`).MatchString(printed) {
		t.Errorf("commands of bearer-issuer: want a client and an access token, got\n%s", printed)
	}
}

// replace replaces the addresses of a page. The program listens on the given address.
func (i issuer) replace(text, program string) string {
	return strings.NewReplacer(issuerAddress, i.address, programAddress, program, forwardAuthAddress, program).Replace(text)
}

// calls runs the calls of docs/install.md and returns their output.
func (i issuer) calls(t *testing.T, program string) string {
	t.Helper()
	return i.with(t, program, findSection(t, installPage, "An issuer to try a program").block(t, "sh", "$(token)\"\n"))
}

// with pastes the line with the function token into a shell, and then runs commands of a page.
func (i issuer) with(t *testing.T, program, commands string) string {
	t.Helper()
	return shell(t, t.TempDir(), nil, i.token+"\n"+i.replace(commands, program))
}
