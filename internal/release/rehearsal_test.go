package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

var (
	rehearse = flag.Bool("rehearse", false, "run TestRehearsal, which takes some minutes")
	modCache = flag.String("modcache", "", "a folder that keeps the modules that TestRehearsal downloads")
)

// rehearsal is a throwaway copy of this repository, with the changes that are not committed.
type rehearsal struct {
	t        *testing.T
	dir      string
	modCache string
}

// TestRehearsal makes two releases of a copy of this repository with .ci/release: the next minor
// release, and a security fix from a branch, while main has new names. It also makes mistakes, and
// the program must find each mistake.
func TestRehearsal(t *testing.T) {
	if !*rehearse {
		t.Skip("runs in the step release of .ci/run")
	}
	r := newRehearsal(t)
	tags := strings.Fields(r.git("tag", "--list"))
	first := nextMinor(lastRelease(tags))
	series := strings.TrimSuffix(first, ".0")
	second, patch, nextPatch := nextMinor(first), series+".1", series+".2"

	r.note("the entry of the first release")
	r.declare("func First() {}")
	r.refusals(first)
	out := t.TempDir()
	r.release(out, first)
	r.checkRelease(out, first)

	r.fails(first, "the tag "+first+" exists already")
	r.fails(nextMinor(second), "want "+patch+" or "+second)
	r.fails(patch, "CHANGELOG.md has no entry in the section [Unreleased]")
	r.note("the entry of the second release")
	r.declare("func First() {}\n\n// Second is new.\nfunc Second() {}")
	r.fails(patch, "compatible: "+modulePath+"/rehearsal: Second: added",
		"version "+patch+" is too small for the new names above; after "+first+", the next version is "+second)
	r.patchRelease(first, patch)

	r.declare("func First(int) {}")
	r.removeName()
	r.fails(nextPatch, "INCOMPATIBLE: "+modulePath+"/rehearsal: First: changed from func() to func(int)",
		"INCOMPATIBLE: testdata/api/names.txt: ",
		"version "+nextPatch+" is too small for the incompatible changes above; after "+patch+", the next version is "+second)
}

// patchRelease makes a security fix from a branch of the release first, as RELEASE.md describes, while
// main has new names. The fix needs a new name too. Then it merges the fix into main.
func (r rehearsal) patchRelease(first, patch string) {
	r.t.Helper()
	series := "release-" + strings.TrimPrefix(strings.TrimSuffix(first, ".0"), "v")
	r.git("checkout", "-q", "-b", series, strings.Fields(r.git("rev-list", "--reverse", "--ancestry-path", first+"..main"))[0])
	r.note("the entry of the fix")
	r.declare("func First() {}\n\n// Fixed is new.\nfunc Fixed() {}")
	r.fails(patch, "compatible: "+modulePath+"/rehearsal: Fixed: added", "version "+patch+" is too small for the new names above")
	r.write("middleware/chibearer/rehearsal.go", "package chibearer\n\nimport \""+modulePath+"/rehearsal\"\n\nfunc init() { rehearsal.Fixed() }\n")
	r.commit("an adapter that needs the new root module")
	r.failsWith([]string{"-security", patch}, "/middleware/chibearer of "+patch+" does not build with the root module of "+first)
	r.git("reset", "-q", "--hard", "HEAD^")
	log, err := r.script("-security", "-write", "-rebuild", "none", "-out", r.t.TempDir(), patch)
	if err != nil {
		r.t.Fatalf("got the error %v and the output\n%s", err, log)
	}
	for _, want := range []string{
		"The last release is " + first,
		"Accepted with the flag -security: version " + patch + " is too small",
		"/chibearer of " + first + " builds with the root module of " + patch,
		"/ginbearer of " + patch + " builds with the root module of " + first,
	} {
		if !strings.Contains(log, want) {
			r.t.Errorf("got the log\n%s\nwant %q", log, want)
		}
	}
	r.git("checkout", "-q", "main")
	r.fails(nextMinor(first), "the branch main does not contain the last release "+patch)
	r.write(".git/info/attributes", "*.md merge=union\nrehearsal/* merge=union\ntestdata/api/* merge=union\n") // keep the sections of both branches
	r.git("merge", "-q", "-m", "merge the fix", series)
	r.declare("func First() {}\n\n// Second is new.\nfunc Second() {}\n\n// Fixed is new.\nfunc Fixed() {}")
}

// refusals makes mistakes that a maintainer can make before a release.
func (r rehearsal) refusals(version string) {
	r.t.Helper()
	r.fails(strings.TrimPrefix(version, "v"), "want a version such as v0.1.0")
	r.fails(version+"-rc.1", "without a suffix")
	r.fails(nextMinor(version), "want ", version)

	r.write("untracked.go", "package bearer\n")
	r.fails(version, "the repository has changes that are not committed")
	r.remove("untracked.go")

	r.git("checkout", "-q", "-b", "other")
	r.fails(version, "got the branch other, want main, or release-")
	r.git("checkout", "-q", "main")

	page := r.read("CHANGELOG.md")
	r.write("CHANGELOG.md", regexp.MustCompile(`(?s)(\n## \[Unreleased\]\n).*?(\n## |$)`).ReplaceAllString(page, "$1$2"))
	r.commit("a changelog without entries")
	r.fails(version, "CHANGELOG.md has no entry in the section [Unreleased]")
	r.git("reset", "-q", "--hard", "HEAD^")

	r.write("tracing/rehearsal.go", "package tracing\n\n// Rehearsal is not in testdata/api.\nfunc Rehearsal() {}\n")
	r.commit("an API that testdata/api does not contain")
	r.fails(version, "func Rehearsal()")
	r.git("reset", "-q", "--hard", "HEAD^")

	shallow := rehearsal{t: r.t, dir: filepath.Join(r.t.TempDir(), "shallow"), modCache: r.modCache}
	r.git("clone", "-q", "--depth", "1", "file://"+r.dir, shallow.dir)
	shallow.fails(version, "the clone is shallow")
}

// newRehearsal copies the repository with its tags.
func newRehearsal(t *testing.T) rehearsal {
	t.Helper()
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := rehearsal{t: t, dir: filepath.Join(t.TempDir(), "bearer"), modCache: *modCache}
	if r.modCache == "" {
		r.modCache = t.TempDir()
	}
	r.run(tree, nil, "git", "clone", "-q", "--no-checkout", tree, r.dir)
	// The developer may be on another branch, and a pull request has no branch.
	r.git("update-ref", "refs/heads/main", r.run(tree, nil, "git", "rev-parse", "HEAD"))
	for _, setting := range []string{"user.name=Rehearsal", "user.email=rehearsal@example.com", "commit.gpgsign=false", "tag.gpgsign=false"} {
		key, value, _ := strings.Cut(setting, "=")
		r.git("config", key, value)
	}
	files := r.run(tree, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	for name := range strings.SplitSeq(strings.TrimSuffix(files, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(tree, name)) //nolint:gosec // a file of the repository
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		r.write(name, string(data))
	}
	r.git("symbolic-ref", "HEAD", "refs/heads/main")
	r.commit("the files of the developer")
	return r
}

// nextMinor returns the next version with new names.
func nextMinor(version string) string {
	if version == "" {
		return "v0.1.0"
	}
	major, minor, _ := numbers(version)
	return fmt.Sprintf("v%d.%d.0", major, minor+1)
}

func (r rehearsal) run(dir string, env []string, name string, args ...string) string {
	r.t.Helper()
	out, err := command(r.t.Context(), dir, env, name, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r rehearsal) git(args ...string) string {
	r.t.Helper()
	return r.run(r.dir, nil, "git", args...)
}

func (r rehearsal) commit(subject string) {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "-q", "--allow-empty", "-m", subject)
}

func (r rehearsal) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		r.t.Fatal(err)
	}
	if err := writeFile(file, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r rehearsal) read(name string) string {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(name)))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

func (r rehearsal) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
		r.t.Fatal(err)
	}
}

// note adds an entry to CHANGELOG.md.
func (r rehearsal) note(text string) {
	r.t.Helper()
	const heading = "\n## [Unreleased]\n"
	r.write("CHANGELOG.md", strings.Replace(r.read("CHANGELOG.md"), heading, heading+"\n- "+text+"\n", 1))
	r.commit(text)
}

// declare replaces the declarations of the package rehearsal, and updates testdata/api. The
// rehearsal adds this package, because a change of a different package takes a minute to compile.
func (r rehearsal) declare(declarations string) {
	r.t.Helper()
	r.write("rehearsal/rehearsal.go", "package rehearsal\n\n"+declarations+"\n")
	env := append(os.Environ(), "GOFLAGS=-trimpath", "GOWORK=off")
	r.run(r.dir, env, "go", "test", "-vet=off", "-run", "^TestAPI$", ".", "-update-api")
	r.commit(declarations)
}

// removeName removes the first name from testdata/api/names.txt and the comparison with the code,
// because the comparison finds this change before the release can.
func (r rehearsal) removeName() {
	r.t.Helper()
	_, rest, _ := strings.Cut(r.read("testdata/api/names.txt"), "\n")
	r.write("testdata/api/names.txt", rest)
	r.git("rm", "-q", "internal/names/*_test.go")
	r.commit("a removed name")
}

// script runs .ci/release, and returns its whole output.
func (r rehearsal) script(args ...string) (string, error) {
	args = append([]string{".ci/release", "-platforms", runtime.GOOS + "/" + runtime.GOARCH, "-modcache", r.modCache}, args...)
	cmd := exec.CommandContext(r.t.Context(), "bash", args...) //nolint:gosec // the arguments come from this test
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// fails runs .ci/release -write. The script must fail with each text, and must change nothing.
func (r rehearsal) fails(version string, want ...string) {
	r.t.Helper()
	r.failsWith([]string{version}, want...)
}

// failsWith is like fails, for a version with flags.
func (r rehearsal) failsWith(args []string, want ...string) {
	r.t.Helper()
	version := strings.Join(args, " ")
	before := r.state()
	out, err := r.script(append([]string{"-write"}, args...)...)
	if err == nil {
		r.t.Fatalf(".ci/release -write %s: got no error and the output\n%s\nwant an error with %q", version, out, want)
	}
	for _, text := range want {
		line := lineWith(out, text)
		if line == "" {
			r.t.Fatalf(".ci/release -write %s: got the error %v and the output\n%s\nwant an error with %q", version, err, out, text)
		}
		r.t.Logf(".ci/release -write %s: %s", version, line)
	}
	if after := r.state(); after != before {
		r.t.Fatalf("got the repository\n%s\nwant no change:\n%s", after, before)
	}
}

func lineWith(text, want string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, want) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// state returns the branches and the tags, and the files that are not committed.
func (r rehearsal) state() string {
	r.t.Helper()
	return r.git("for-each-ref") + r.git("status", "--porcelain")
}

// release runs .ci/release -write.
func (r rehearsal) release(out, version string) {
	r.t.Helper()
	log, err := r.script("-write", "-rebuild", "none", "-out", out, version)
	if err != nil {
		r.t.Fatalf("got the error %v and the output\n%s", err, log)
	}
	r.t.Log(log)
}

// checkRelease checks the commits, the tags and the files of a release. It then takes the release
// from the tags, as a user without a module proxy.
func (r rehearsal) checkRelease(out, version string) {
	r.t.Helper()
	subjects := "all: replace the modules of this repository after " + version + "\nall: require " + version + " of the modules of this repository\nall: release " + version
	if got := r.git("log", "-3", "--format=%s"); got != subjects {
		r.t.Errorf("got the last commits\n%s\non main, want\n%s", got, subjects)
	}
	if got := r.git("diff", "--name-only", "HEAD~3", "HEAD~2"); got != "CHANGELOG.md\nUPGRADING.md" {
		r.t.Errorf("got the changed files %q of the first commit, want the two pages", got)
	}
	for line := range strings.Lines(r.git("diff", "-U0", "HEAD~2", "HEAD")) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") && !strings.HasSuffix(strings.TrimSpace(line), " "+version) {
			r.t.Errorf("got the added line %q of the second and third commit together, want only requirements of %s", line, version)
		}
	}
	if got := r.git("describe", "--match", "v*"); !strings.HasPrefix(got, version+"-1-g") {
		r.t.Errorf("got %q from git describe, want one commit after %s, so that a pseudo-version of main is newer than the release", got, version)
	}
	modules, err := modproxy.Modules(r.t.Context(), r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range modules {
		if !m.Published {
			continue
		}
		if got := r.git("cat-file", "-t", m.Tag(version)); got != "tag" {
			r.t.Errorf("%s: got an object of type %s, want an annotated tag", m.Tag(version), got)
		}
		if got, want := r.git("rev-parse", m.Tag(version)+"^{commit}"), r.git("rev-parse", "main^"); got != want {
			r.t.Errorf("%s: got the commit %s, want the second of the three commits, which is %s", m.Tag(version), got, want)
		}
	}
	program := "bearer-explain_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH
	entries, err := os.ReadDir(out)
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, want := range []string{"SHA256SUMS", "notes.md", program, program + ".cdx.json"} {
		if !slices.Contains(names, want) {
			r.t.Errorf("got the files %v, want %s too", names, want)
		}
	}
	r.run(out, nil, "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	r.compareWithTag(filepath.Join(out, program), version)
}

// compareWithTag builds bearer-explain from its tag. The go command reads the git repository, not
// the proxy. The bytes must be the same.
func (r rehearsal) compareWithTag(file, version string) {
	r.t.Helper()
	env, err := modproxy.Env(r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	folder := r.t.TempDir()
	proxies := strings.SplitN(env[slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, "GOPROXY=file:") })], ",", 2)[1]
	env = append(env, "GOMODCACHE="+filepath.Join(folder, "modcache"), "GOBIN="+folder, "CGO_ENABLED=0",
		"GONOPROXY="+modulePath, "GOPROXY="+proxies,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+r.dir+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+modulePath)
	r.run(folder, env, "go", "install", modulePath+"/cmd/bearer-explain@"+version)
	want, err := os.ReadFile(file) //nolint:gosec // a program of the release
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "bearer-explain")) //nolint:gosec // go install has written this file
	if err != nil {
		r.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		r.t.Error("got a different program from the tag, want the bytes of the release")
	}
	r.run(folder, env, "go", "mod", "init", "example.com/user")
	r.run(folder, env, "go", "get", modulePath+"/middleware/ginbearer@latest")
	sums, err := os.ReadFile(filepath.Join(folder, "go.sum")) //nolint:gosec // go get has written this file
	if err != nil {
		r.t.Fatal(err)
	}
	// The go.sum of the adapter has the hash of the root module from before the tag existed.
	adapter := r.git("show", "middleware/ginbearer/"+version+":middleware/ginbearer/go.sum")
	for line := range strings.SplitSeq(adapter, "\n") {
		if strings.HasPrefix(line, modulePath+" ") && !strings.Contains(string(sums), line) {
			r.t.Errorf("got the hashes\n%s\nwant the hash that the adapter has: %s", sums, line)
		}
	}
}
