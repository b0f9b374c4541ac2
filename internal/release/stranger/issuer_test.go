package stranger_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The addresses in the pages. The tests replace these with free addresses.
const (
	issuerAddress  = "127.0.0.1:8790"
	programAddress = "127.0.0.1:8080"
)

// issuer is a running bearer-issuer with a client.
type issuer struct {
	address string
	env     []string // the variables that the printed commands set
}

// startIssuer installs bearer-issuer and starts it by the words of docs/install.md. It then runs
// the commands that bearer-issuer prints.
func startIssuer(t *testing.T) issuer {
	t.Helper()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	dir, i := t.TempDir(), issuer{address: freeAddress(t)}
	var p *process
	for line := range strings.Lines(findSection(t, installPage, "An issuer to try a program").block(t, "sh", "\nbearer-issuer\n")) {
		if words := strings.Fields(line); words[0] == "go" {
			t.Log(command(t, dir, words...))
		} else {
			p = start(t, dir, append(words, "-addr", i.address)...) // another program may use the default address
		}
	}
	out := p.waitFor(t, "Ctrl-C")
	if got := command(t, dir, "bearer-issuer", "-version"); !strings.Contains(got, version) {
		t.Errorf("bearer-issuer -version: got %q, want %s", got, version)
	}
	i.env = printedVariables(t, dir, out)
	return i
}

// printedVariables runs the commands that bearer-issuer prints for the registration of a client
// and for an access token. It returns the variables of the client.
func printedVariables(t *testing.T, dir, out string) []string {
	t.Helper()
	_, out, found := strings.Cut(out, "Set the variables for Scalekit's SDKs:\n")
	out, _, end := strings.Cut(out, "Fetch the keys and the metadata:\n")
	if !found || !end {
		t.Fatalf("bearer-issuer: got no commands, want some; output:\n%s", out)
	}
	var script strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "  ") {
			script.WriteString(line)
		}
	}
	script.WriteString("\necho\necho M2M_CLIENT_ID=$M2M_CLIENT_ID\necho M2M_CLIENT_SECRET=$M2M_CLIENT_SECRET\n")
	printed := shell(t, dir, nil, script.String())
	if !strings.Contains(printed, `"access_token":"`) {
		t.Errorf("commands of bearer-issuer: got no access token, want one; output:\n%s", printed)
	}
	variables := regexp.MustCompile(`(?m)^M2M_CLIENT_(?:ID|SECRET)=\S+$`).FindAllString(printed, -1)
	if len(variables) != 2 {
		t.Fatalf("commands of bearer-issuer: got %d variables, want 2; output:\n%s", len(variables), printed)
	}
	return variables
}

// replace replaces the addresses of a page. The program listens on the given address.
func (i issuer) replace(text, program string) string {
	return strings.NewReplacer(issuerAddress, i.address, programAddress, program).Replace(text)
}

// calls runs the calls of docs/install.md and returns their output.
func (i issuer) calls(t *testing.T, program string) string {
	t.Helper()
	return shell(t, t.TempDir(), i.env, i.replace(callBlock(t), program))
}

// callBlock returns the block of docs/install.md that declares the function token, and calls a
// program.
func callBlock(t *testing.T) string {
	t.Helper()
	return findSection(t, installPage, "An issuer to try a program").block(t, "sh", "token() {")
}

// with runs commands of docs/install.md that use the function token.
func (i issuer) with(t *testing.T, program, commands string) string {
	t.Helper()
	function, _, found := strings.Cut(callBlock(t), "\n}\n")
	if !found {
		t.Fatalf("%s: got no function token, want one", installPage)
	}
	return shell(t, t.TempDir(), i.env, i.replace(function+"\n}\n"+commands, program))
}
