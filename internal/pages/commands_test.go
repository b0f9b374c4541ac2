package pages_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommands requires for each block of commands in the pages that this test runs it, that another
// test runs it, or that a sentence says why no test runs it. If the next block is an output, each of
// its lines must be in the output of the commands, except for numbers.
func TestCommands(t *testing.T) {
	needsRepository(t)
	var s *stage
	ran := 0
	for _, page := range pages(t) {
		list := blocks(t, page)
		for i, b := range list {
			if b.language != "sh" || excused(t, b) || ranElsewhere(b) {
				continue
			}
			ran++
			where := fmt.Sprintf("%s:%d", b.page, b.line)
			var want string
			if i+1 < len(list) && list[i+1].language == "text" && list[i+1].section == b.section {
				want = list[i+1].text
			}
			commands := notPrograms(t, where, b.text)
			if commands == "" {
				continue
			}
			lacking := missing()
			if s == nil && lacking == nil {
				s = newStage(t)
			}
			t.Run(where, func(t *testing.T) {
				if lacking != nil {
					t.Skip(lacking)
				}
				output := s.run(t, where, commands, strings.HasPrefix(want, "refused: "))
				wantOutput(t, where, output, s.replace(want))
				if strings.Contains(commands, "curl ") {
					wantStatuses(t, where, output, want, b.above)
				}
			})
		}
	}
	if ran < 10 {
		t.Errorf("got %d blocks, want at least 10", ran)
	}
}

var numbers = regexp.MustCompile(`\d+(\.\d+)?`)

// wantOutput checks that the output contains each line of want, except for numbers. The mark "…"
// stands for any text.
func wantOutput(t *testing.T, where, got, want string) {
	t.Helper()
	got = numbers.ReplaceAllString(strings.ReplaceAll(got, "\r\n", "\n"), "0")
	for line := range strings.Lines(numbers.ReplaceAllString(want, "0")) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "…") {
			if !strings.Contains(got, part) {
				t.Errorf("%s: got output\n%s\nwant a line %q", where, got, part)
			}
		}
	}
}

var (
	status   = regexp.MustCompile(`HTTP/1\.1 (\d{3})`)
	statuses = regexp.MustCompile(`status(?:es are| is) (\d{3}(?:(?:, | and )\d{3})*)`)
)

// wantStatuses checks the HTTP statuses in the output of curl. They must be the ones in the output on
// the page, or in a sentence such as "The statuses are 200 and 403" in the line above the commands. If
// the page has neither statuses nor an output, all statuses must be 200.
func wantStatuses(t *testing.T, where, output, want, above string) {
	t.Helper()
	var got, list []string
	for _, match := range status.FindAllStringSubmatch(output, -1) {
		got = append(got, match[1])
	}
	for _, match := range status.FindAllStringSubmatch(want, -1) {
		list = append(list, match[1])
	}
	if match := statuses.FindStringSubmatch(above); match != nil && list == nil {
		list = regexp.MustCompile(`, | and `).Split(match[1], -1)
	}
	switch {
	case list == nil && want != "" && got == nil: // wantOutput checks the output
	case list == nil && got == nil:
		t.Errorf("%s: got an output of curl without a status, want the flag -i, or the output on the page", where)
	case list == nil:
		list = slices.Repeat([]string{"200"}, len(got))
	}
	if !slices.Equal(got, list) {
		t.Errorf("%s: got statuses %q, want %q; output:\n%s", where, got, list, output)
	}
}

var (
	// goRun matches a command that runs a program of this repository from its source.
	goRun = regexp.MustCompile(`^(?:cd (\S+) && )?go (?:-C (\S+) )?run (\S+)(.*)$`)
	// goTest matches a command that runs all tests of a module.
	goTest = regexp.MustCompile(`^(?:cd (\S+) && )?go test \./\.\.\.$`)
	// oneTest matches a command that runs one test of a package.
	oneTest = regexp.MustCompile(`^go test -run '(\w+)(?:/\S+)?' \./(\S+)$`)
	// install matches a command that installs a program. The tests have built the programs in cmd.
	install = regexp.MustCompile(`^go install github\.com/bearerkit/bearer/(cmd/[\w-]+)@latest$`)
	// starts matches a command that starts bearer-issuer, which runs until a signal ends it.
	starts = regexp.MustCompile(`^bearer-issuer( -.*)?$`)
)

// notPrograms returns the commands without the lines that this test only checks: commands that write
// files of the repository, take minutes or do not end. The programs and the packages in these lines
// must exist, and the programs must have the flags.
func notPrograms(t *testing.T, where, commands string) string {
	t.Helper()
	var rest strings.Builder
	safe := true // an unknown command may be harmful outside a temporary folder
	for line := range strings.Lines(strings.ReplaceAll(commands, "\\\n", "")) {
		command, _, _ := strings.Cut(line, " #")
		command = strings.TrimSpace(command)
		switch {
		case command == "" || strings.HasPrefix(command, "#"):
		case goRun.MatchString(command):
			checkProgram(t, where, command)
		case goTest.MatchString(command): // the steps "test" of .ci/run run this command for each module
			wantFile(t, where, filepath.Join(goTest.FindStringSubmatch(command)[1], "go.mod"))
		case oneTest.MatchString(command):
			found := oneTest.FindStringSubmatch(command)
			wantTest(t, where, found[2], found[1])
		case install.MatchString(command):
			wantFile(t, where, filepath.Join(install.FindStringSubmatch(command)[1], "main.go"))
		case starts.MatchString(command):
			wantFlags(t, where, []string{"cmd/bearer-issuer"}, command)
		case command == ".ci/run":
			wantFile(t, where, ".ci/run")
		default:
			safe = isKnown(t, where, command) && safe
			rest.WriteString(line)
		}
	}
	if !safe {
		return ""
	}
	return rest.String()
}

// known are the commands that the test runs. They change nothing outside the folder of the test.
var known = regexp.MustCompile(`^(curl|grpcurl|token|bearer-explain|promtool|go mod edit|sed|true|echo)( |$)`)

// isKnown reports whether a line calls only known commands. Other commands are failures of the test.
func isKnown(t *testing.T, where, line string) bool {
	t.Helper()
	all := true
	for _, part := range regexp.MustCompile(`\s*(?:\|\||&&|\||;)\s*`).Split(line, -1) {
		if !known.MatchString(part) {
			t.Errorf("%s: got command %q, want a command that matches %s, or the sentence from CONTRIBUTING.md above the block", where, part, known)
			all = false
		}
	}
	return all
}

func wantFile(t *testing.T, where, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, name)); err != nil {
		t.Errorf("%s: got %v, want the file", where, err)
	}
}

// wantTest requires a test in a folder.
func wantTest(t *testing.T, where, folder, name string) {
	t.Helper()
	if !strings.Contains(sources(t, folder, "_test.go"), "func "+name+"(t *testing.T)") {
		t.Errorf("%s: got no test %s in %s, want one", where, name, folder)
	}
}

// checkProgram checks a command such as "cd examples/mcp && go run . -issuer URL".
func checkProgram(t *testing.T, where, command string) {
	t.Helper()
	found := goRun.FindStringSubmatch(command)
	flags, _, _ := strings.Cut(found[4], " | ")
	dir := filepath.Join(found[1], found[2])
	if !strings.HasPrefix(found[3], ".") {
		t.Errorf("%s: got the program %s, want a program of this repository", where, found[3])
		return
	}
	folder := filepath.Join(dir, found[3])
	if !strings.Contains(sources(t, folder, ".go"), "\nfunc main() {") {
		t.Errorf("%s: got no function main in %s, want one", where, folder)
	}
	if flags = strings.TrimSpace(flags); flags != "" {
		wantFlags(t, where, imported(t, dir, found[3]), flags)
	}
}

// imported returns the folders of a program and of the packages of this repository that it imports.
func imported(t *testing.T, dir, program string) []string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-f", "{{.Dir}}", program) //nolint:gosec // the command is in a page
	list.Dir = filepath.Join(root, dir)
	list.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list %s in %s: %v", program, dir, err)
	}
	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for line := range strings.Lines(string(out)) {
		if folder, err := filepath.Rel(repository, strings.TrimSpace(line)); err == nil && !strings.HasPrefix(folder, "..") {
			folders = append(folders, folder)
		}
	}
	return folders
}

// wantFlags requires that a file in one of the folders declares each flag of a command.
func wantFlags(t *testing.T, where string, folders []string, command string) {
	t.Helper()
	var all strings.Builder
	for _, folder := range folders {
		all.WriteString(sources(t, folder, ".go"))
	}
	for _, flag := range regexp.MustCompile(`(?:^| )-([a-z][a-z-]*)`).FindAllStringSubmatch(command, -1) {
		if !regexp.MustCompile(`\.\w*(String|Bool|Int|Duration|Float64|Func|Var|Uint|Text)\w*\([^"\n]*"` + flag[1] + `"`).MatchString(all.String()) {
			t.Errorf("%s: got no flag -%s of the program in %s, want one", where, flag[1], folders[len(folders)-1])
		}
	}
}

// sources returns the text of the files in a folder with this suffix.
func sources(t *testing.T, folder, suffix string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, folder, "*"+suffix))
	if err != nil || len(names) == 0 {
		t.Errorf("%s: got no files and error %v, want some", folder, err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestComments checks the commands with go run in the comments of the programs.
func TestComments(t *testing.T) {
	needsRepository(t)
	commands := 0
	for _, folder := range []string{"examples", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".go" {
				return err
			}
			text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
			for _, match := range regexp.MustCompile(`(?m)^//\t(.*go run .*)$`).FindAllSubmatch(text, -1) {
				commands++
				if command := string(match[1]); !goRun.MatchString(command) {
					t.Errorf("%s: got command %q, want a command that matches %s", name, command, goRun)
				} else {
					checkProgram(t, name, command)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if commands < 20 {
		t.Errorf("got %d commands, want at least 20", commands)
	}
}

// TestQueries checks the syntax of the queries for Prometheus in the pages.
func TestQueries(t *testing.T) {
	needsRepository(t)
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip(err)
	}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: pages\n  rules:\n")
	queries := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.language != "promql" {
				continue
			}
			for query := range strings.Lines(b.text) {
				if query = strings.TrimSpace(query); query != "" && !strings.HasPrefix(query, "#") {
					queries++
					fmt.Fprintf(&rules, "  - record: pages:query:%d\n    expr: %q\n", queries, query)
				}
			}
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", file).CombinedOutput() //nolint:gosec // a program of this machine
	if err != nil || queries < 5 {
		t.Errorf("got %d queries and error %v, want at least 5 and no error; output:\n%s", queries, err, out)
	}
}
