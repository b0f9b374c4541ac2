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

// TestRehearsal makes two releases of a copy of this repository with .ci/release. Between the
// releases, it changes the API. Each check of the program must also be seen to fail.
func TestRehearsal(t *testing.T) {
	if !*rehearse {
		t.Skip("runs in the step release of .ci/run")
	}
	r := newRehearsal(t)
	tags := strings.Fields(r.git("tag", "--list"))
	first := nextMinor(lastRelease(tags))
	second, patch := nextMinor(first), strings.TrimSuffix(first, ".0")+".1"

	r.note("the entry of the first release")
	r.declare("func First() {}")
	r.refusals(first)
	out := t.TempDir()
	r.release(out, "bearer-explain", first)
	r.checkRelease(out, first)

	r.fails(first, "the tag "+first+" exists already")
	r.fails(nextMinor(second), "want "+patch+" or "+second)
	r.fails(patch, "CHANGELOG.md has no entry in the section [Unreleased]")
	r.note("the entry of the second release")
	r.declare("func First() {}\n\n// Second is new.\nfunc Second() {}")
	r.fails(patch, "compatible: "+modulePath+"/rehearsal: Second: added",
		"version "+patch+" is too small for the new names above; after "+first+", the next version is "+second)
	r.declare("func First(int) {}")
	r.removeName()
	r.fails(patch, "INCOMPATIBLE: "+modulePath+"/rehearsal: First: changed from func() to func(int)",
		"INCOMPATIBLE: testdata/api/names.txt: ",
		"version "+patch+" is too small for the incompatible changes above; after "+first+", the next version is "+second)

	// An adapter that needs the new root module does not build with the last root module.
	r.write("middleware/chibearer/rehearsal.go", "package chibearer\n\nimport \""+modulePath+"/rehearsal\"\n\nfunc init() { rehearsal.First(1) }\n")
	r.commit("an adapter that needs the new root module")
	log := r.release(t.TempDir(), "none", second)
	for _, want := range []string{
		"The last release is " + first,
		"/chibearer of " + first + " builds with the root module of " + second,
		"Note: " + modulePath + "/middleware/chibearer of " + second + " does not build with the root module of " + first,
		"/ginbearer of " + second + " builds with the root module of " + first,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("got the log\n%s\nwant %q", log, want)
		}
	}
}

// refusals makes each mistake that a maintainer can make before a release.
func (r rehearsal) refusals(version string) {
	r.t.Helper()
	r.fails(strings.TrimPrefix(version, "v"), "want a version such as v0.1.0")
	r.fails(nextMinor(version), "want "+version)

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
	before := r.state()
	out, err := r.script("-write", version)
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

// release runs .ci/release -write, and returns the output. The script builds the program rebuild
// twice, and all other programs once.
func (r rehearsal) release(out, rebuild, version string) string {
	r.t.Helper()
	log, err := r.script("-write", "-rebuild", rebuild, "-out", out, version)
	if err != nil {
		r.t.Fatalf("got the error %v and the output\n%s", err, log)
	}
	r.t.Log(log)
	return log
}

// checkRelease checks the commits, the tags and the files of a release. It then takes the release
// from the tags, as a user without a module proxy.
func (r rehearsal) checkRelease(out, version string) {
	r.t.Helper()
	if got := r.git("log", "-1", "--format=%s"); got != "all: release "+version {
		r.t.Errorf("got the last commit %q on main, want the commit of the pages", got)
	}
	if got := r.git("diff", "--name-only", "HEAD^"); got != "CHANGELOG.md\nUPGRADING.md" {
		r.t.Errorf("got the changed files %q on main, want the two pages", got)
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
		if got, want := r.git("rev-parse", m.Tag(version)+"^{commit}^"), r.git("rev-parse", "main"); got != want {
			r.t.Errorf("%s: got the parent %s, want main, which is %s", m.Tag(version), got, want)
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
