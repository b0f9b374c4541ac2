package modproxy_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

const root = "github.com/bearerkit/bearer"

// repository is a small repository with each kind of module. The keys are paths of files.
func repository() map[string]string {
	const replaced = "require " + root + " v0.0.0\n\nreplace " + root + " => ../..\n"
	return map[string]string{
		"go.mod":                      "module " + root + "\n\ngo 1.26.0\n",
		"LICENSE":                     "the license\n",
		"bearer.go":                   "package bearer\n\nconst Name = \"bearer\"\n",
		"old.go":                      "package bearer\n",
		".gitignore":                  "*.out\n",
		"profile.out":                 "a file that git ignores\n",
		"testdata/go.mod":             "not a module\n",
		"middleware/m/go.mod":         "module " + root + "/middleware/m\n\ngo 1.26.0\n\n" + replaced,
		"middleware/m/m.go":           "package m\n\nimport _ \"" + root + "\"\n",
		"tracing/go.mod":              "module " + root + "/tracing\n\ngo 1.26.0\n\n" + strings.ReplaceAll(replaced, "../..", "../"),
		"tracing/LICENSE":             "a different license\n",
		"tracing/t.go":                "package tracing\n\nimport _ \"" + root + "\"\n",
		"examples/e/go.mod":           "module " + root + "/examples/e\n\ngo 1.26.0\n\nrequire " + root + "/middleware/m v0.0.0\n\nreplace " + root + "/middleware/m => ../../middleware/m\n\n" + replaced,
		"examples/e/e.go":             "package e\n\nimport _ \"" + root + "/middleware/m\"\n",
		"internal/tool/go.mod":        "module " + root + "/internal/tool\n\ngo 1.26.0\n\n" + replaced,
		"internal/tool/tool.go":       "package tool\n\nimport _ \"" + root + "\"\n",
		"internal/alone/go.mod":       "module " + root + "/internal/alone\n\ngo 1.26.0\n",
		"internal/alone/testdata/a.a": "",
	}
}

// newRepository writes files to a new git repository, and returns its folder. Nothing is
// committed.
func newRepository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	git(t, dir, "init", "-q", "-b", "main")
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	run(t, dir, os.Environ(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...)
}

func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...) //nolint:gosec // a command of the test
	cmd.Dir, cmd.Env = dir, append(slices.Clone(env), "PWD="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// zipped returns the files in the zip file of version v0.1.0, without the prefix module@version/.
func zipped(t *testing.T, proxy, path string) map[string]string {
	t.Helper()
	r, err := zip.OpenReader(filepath.Join(proxy, "proxy", filepath.FromSlash(path), "@v", "v0.1.0.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := map[string]string{}
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(f.Name, path+"@v0.1.0/")] = string(data)
	}
	return files
}

func TestWriteZips(t *testing.T) {
	tree := newRepository(t, repository())
	git(t, tree, "add", ".")
	git(t, tree, "commit", "-q", "-m", "all")
	if err := os.Remove(filepath.Join(tree, "old.go")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(tree, "new.go"), "package bearer\n")
	write(t, filepath.Join(tree, "bearer.go"), "package bearer // changed\n")
	before := run(t, tree, os.Environ(), "git", "status", "--porcelain")
	dir := t.TempDir()
	if err := modproxy.Write(dir, tree, "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	if after := run(t, tree, os.Environ(), "git", "status", "--porcelain"); after != before {
		t.Errorf("got the status\n%swant a tree without changes:\n%s", after, before)
	}
	for _, test := range []struct{ path, files string }{
		{root, ".gitignore LICENSE bearer.go go.mod new.go"},
		{root + "/middleware/m", "LICENSE go.mod go.sum m.go"},
		{root + "/tracing", "LICENSE go.mod go.sum t.go"},
	} {
		files := zipped(t, dir, test.path)
		if got := strings.Join(slices.Sorted(maps.Keys(files)), " "); got != test.files {
			t.Errorf("%s: got the files %s, want %s", test.path, got, test.files)
		}
		if got, want := read(t, filepath.Join(dir, "proxy", test.path, "@v", "v0.1.0.mod")), files["go.mod"]; got != want {
			t.Errorf("%s: got the file .mod\n%s\nwant go.mod of the zip file:\n%s", test.path, got, want)
		}
		if test.path != root && (strings.Contains(files["go.mod"], "replace") || !strings.Contains(files["go.mod"], root+" v0.1.0")) {
			t.Errorf("%s: got the file go.mod\n%s\nwant %s v0.1.0 and no replace", test.path, files["go.mod"], root)
		}
	}
	if got := zipped(t, dir, root)["bearer.go"]; got != "package bearer // changed\n" {
		t.Errorf("got bearer.go %q, want the changed file", got)
	}
	if got := zipped(t, dir, root+"/middleware/m")["LICENSE"]; got != "the license\n" {
		t.Errorf("got the LICENSE %q, want the LICENSE of the root folder", got)
	}
	if got := zipped(t, dir, root+"/tracing")["LICENSE"]; got != "a different license\n" {
		t.Errorf("got the LICENSE %q, want the LICENSE of the module", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "proxy", root, "examples")); !os.IsNotExist(err) {
		t.Errorf("got %v, want no module of the folder examples in the proxy", err)
	}
}

func TestWriteListsVersionsInOrder(t *testing.T) {
	tree, dir := newRepository(t, repository()), t.TempDir()
	for _, version := range []string{"v0.10.0", "v0.2.0", "v0.2.0", "v0.2.0-rc.1"} {
		if err := modproxy.Write(dir, tree, version); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := read(t, filepath.Join(dir, "proxy", root, "@v", "list")), "v0.2.0-rc.1\nv0.2.0\nv0.10.0\n"; got != want {
		t.Errorf("got the list %q, want %q", got, want)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, test := range []struct {
		name, version string
		change        func(files map[string]string)
		want          string
	}{
		{"no v", "0.1.0", nil, "want a version such as v0.1.0"},
		{"two numbers", "v0.1", nil, "want a version such as v0.1.0"},
		{"build metadata", "v0.1.0+x", nil, "want a version such as v0.1.0"},
		{"empty", "", nil, "want a version such as v0.1.0"},
		{"a word", "latest", nil, "want a version such as v0.1.0"},
		{"major version that is not in the path", "v2.0.0", nil, "should be v0 or v1, not v2"},
		{"no module", "v0.1.0", func(files map[string]string) { delete(files, "go.mod") }, "there is no file go.mod"},
		{"wrong path", "v0.1.0", func(files map[string]string) { files["tracing/go.mod"] = "module " + root + "/trace\n" }, "got the module path " + root + "/trace, want " + root + "/tracing"},
		{"no path", "v0.1.0", func(files map[string]string) { files["tracing/go.mod"] = "go 1.26.0\n" }, "tracing/go.mod: the module has no path"},
		{"unknown requirement", "v0.1.0", func(files map[string]string) { files["tracing/go.mod"] += "require " + root + "/none v0.0.0\n" }, "a module that does not exist"},
		{"requirement of an example", "v0.1.0", func(files map[string]string) { files["tracing/go.mod"] += "require " + root + "/examples/e v0.0.0\n" }, root + "/tracing"},
		{"requirements in a circle", "v0.1.0", func(files map[string]string) { files["go.mod"] += "require " + root + "/tracing v0.0.0\n" }, "these modules require each other"},
		{"replacement of a foreign module", "v0.1.0", func(files map[string]string) { files["tracing/go.mod"] += "replace example.com/x => ../x\n" }, "it replaces example.com/x; users of the module do not get this replacement"},
		{"file names that differ in case", "v0.1.0", func(files map[string]string) { files["BEARER.go"] = "package bearer\n" }, "case-insensitive"},
		{"file name that Windows refuses", "v0.1.0", func(files map[string]string) { files["con.go"] = "package bearer\n" }, "con.go"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.HasPrefix(test.name, "file name") && runtime.GOOS != "linux" {
				t.Skip("other systems cannot create files with these names")
			}
			files := repository()
			if test.change != nil {
				test.change(files)
			}
			err := modproxy.Write(t.TempDir(), newRepository(t, files), test.version)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
		})
	}
	if err := modproxy.Write(t.TempDir(), t.TempDir(), "v0.1.0"); err == nil || !strings.Contains(err.Error(), "git ls-files") {
		t.Errorf("for a folder without git, got the error %v, want the message of git ls-files", err)
	}
}

// TestRewriteKeepsReplacesOfTools checks the modules that have no tag. Examples get versions,
// so that a copy works. Tools keep their replacements.
func TestRewriteKeepsReplacesOfTools(t *testing.T) {
	tree := newRepository(t, repository())
	if err := modproxy.Rewrite(t.TempDir(), tree, "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	tool := read(t, filepath.Join(tree, "internal/tool/go.mod"))
	if !strings.Contains(tool, "require "+root+" v0.1.0\n") || !strings.Contains(tool, "replace "+root+" => ../..") {
		t.Errorf("got internal/tool/go.mod\n%s\nwant version v0.1.0 and the replacement", tool)
	}
	if _, err := os.Stat(filepath.Join(tree, "internal/tool/go.sum")); !os.IsNotExist(err) {
		t.Errorf("got %v, want no go.sum in internal/tool", err)
	}
	example := read(t, filepath.Join(tree, "examples/e/go.mod"))
	if strings.Contains(example, "replace") || strings.Contains(example, "v0.0.0") || strings.Count(example, " v0.1.0") != 2 {
		t.Errorf("got examples/e/go.mod\n%s\nwant version v0.1.0 of two modules and no replace", example)
	}
	// The second release changes what the first release has written.
	if err := modproxy.Rewrite(t.TempDir(), tree, "v0.2.0"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"examples/e/go.mod": 2, "examples/e/go.sum": 4, "tracing/go.sum": 2} {
		if text := read(t, filepath.Join(tree, name)); strings.Count(text, " v0.2.0") != want || strings.Contains(text, "v0.1.0") {
			t.Errorf("got %s\n%s\nwant %d times v0.2.0 and no older version", name, text, want)
		}
	}
}

// TestModules checks the order and the tags.
func TestModules(t *testing.T) {
	modules, err := modproxy.Modules(t.Context(), newRepository(t, repository()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range modules {
		if m.Published {
			got = append(got, m.Tag("v0.1.0"))
		} else {
			got = append(got, m.Dir)
		}
	}
	want := "v0.1.0 middleware/m/v0.1.0 tracing/v0.1.0 examples/e internal/alone internal/tool"
	if strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
}

// TestGoCommandAgrees compares the proxy with the go command. The go command makes the modules
// from the tags of a git repository. Both must have the same hashes, because the go.sum of a
// published module contains the hash of the root module before its tag exists.
func TestGoCommandAgrees(t *testing.T) {
	files := repository()
	delete(files, "profile.out")
	tree, dir := newRepository(t, files), t.TempDir()
	if err := modproxy.Rewrite(dir, tree, "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	git(t, tree, "add", ".")
	git(t, tree, "commit", "-q", "-m", "release")
	modules, err := modproxy.Modules(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if m.Published {
			git(t, tree, "tag", "-a", "-m", "release", m.Tag("v0.1.0"))
		}
	}
	proxied, err := modproxy.Env(dir)
	if err != nil {
		t.Fatal(err)
	}
	direct := append(slices.Clone(proxied), "GOPROXY=direct", "GOMODCACHE="+filepath.Join(t.TempDir(), "modcache"), "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url."+tree+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+root)
	for _, m := range modules {
		if !m.Published {
			continue
		}
		type download struct{ Version, Sum, GoModSum string }
		var got, want download
		for env, to := range map[*[]string]*download{&direct: &want, &proxied: &got} {
			out := run(t, t.TempDir(), *env, "go", "mod", "download", "-json", m.Path+"@latest")
			if err := json.Unmarshal([]byte(out), to); err != nil {
				t.Fatal(err)
			}
		}
		if got != want || want.Version != "v0.1.0" || want.Sum == "" {
			t.Errorf("%s: got %+v from the proxy, want %+v as from the tag", m.Path, got, want)
		}
	}
}

// TestRepository writes the release of this repository.
func TestRepository(t *testing.T) {
	const tree = "../../.."
	dir := t.TempDir()
	if err := modproxy.Write(dir, tree, "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	modules, err := modproxy.Modules(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	published := 0
	for _, m := range modules {
		if !m.Published {
			continue
		}
		published++
		files := zipped(t, dir, m.Path)
		if goMod := files["go.mod"]; strings.Contains(goMod, "replace ") || strings.Contains(goMod, root+" v0.0.0") {
			t.Errorf("%s: got go.mod\n%s\nwant no replace and no version v0.0.0", m.Path, goMod)
		}
		if files["LICENSE"] == "" {
			t.Errorf("%s: got no LICENSE", m.Path)
		}
	}
	if published < 6 {
		t.Errorf("got %d published modules, want at least 6", published)
	}
}
