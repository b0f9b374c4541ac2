package stranger_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tenMinutes is the title of the section of README.md that leads to an API of one's own.
const tenMinutes = "Ten minutes"

// readmeProgram returns the program at the top of README.md.
func readmeProgram(t *testing.T) string {
	t.Helper()
	return sections(t, readmePage)[0].block(t, "go", "package main")
}

// TestReadme does line by line what the section "Ten minutes" of README.md says: it starts the
// issuer, saves the program in an empty folder, runs the commands, and calls the program.
func TestReadme(t *testing.T) {
	needsRelease(t)
	s := findSection(t, readmePage, tenMinutes)
	if got := s.blocks("sh"); len(got) != 3 || len(s.blocks("go")) != 0 {
		t.Fatalf("%s: section %q: got %d blocks with commands, want 3, and the program above the section", readmePage, s.title, len(got))
	}
	i := readmeIssuer(t, s.block(t, "sh", "go run "+issuerModule))

	dir, address := t.TempDir(), freeAddress(t)
	write(t, filepath.Join(dir, "main.go"), i.replace(readmeProgram(t), address))
	var p *process
	for line := range strings.Lines(s.block(t, "sh", "go mod init ")) {
		p = follow(t, dir, strings.TrimSpace(line))
	}
	if p == nil {
		t.Fatalf("%s: section %q: the last command must start the program", readmePage, s.title)
	}
	waitForServer(t, p, address)

	checkCalls(t, i.with(t, address, s.block(t, "sh", "curl ")))
	p.waitFor(t, "reason=no_token") // the last call
	log := p.output()
	t.Log(log)
	var got []string
	for _, match := range regexp.MustCompile(`(?m) reason=(\w+)`).FindAllStringSubmatch(log, -1) {
		got = append(got, match[1])
	}
	if want := []string{"scope", "no_token"}; !slices.Equal(got, want) {
		t.Errorf("log of the program: got reasons %q, want %q; log:\n%s", got, want, log)
	}
}

// issuerModule is the package of bearer-issuer.
const issuerModule = "github.com/bearerkit/bearer/cmd/bearer-issuer"

// readmeIssuer starts the issuer by the command of README.md. In place of go run, it installs and
// starts the program, because a signal to go run does not reach the program.
func readmeIssuer(t *testing.T, block string) issuer {
	t.Helper()
	if want := "go run " + issuerModule + "@latest\n"; block != want {
		t.Fatalf("%s: got commands %q, want %q", readmePage, block, want)
	}
	dir := t.TempDir()
	t.Log(command(t, dir, "go", "install", issuerModule+"@latest"))
	return runIssuer(t, dir, []string{"bearer-issuer"})
}
