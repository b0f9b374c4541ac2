package stranger_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

const (
	root    = "../../.."
	version = "v0.1.0"
)

var full = flag.Bool("stranger", false, "run the tests of this package, which need a minute or more")

// released is a release of this tree in a module proxy. TestMain sets it if the flag -stranger
// is set.
var released struct {
	tree string   // the files of the release
	env  []string // the environment of a stranger; its go command uses the proxy
	bin  string   // the folder for installed programs, which is in the PATH of env
}

func TestMain(m *testing.M) {
	flag.Parse()
	if !*full {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "stranger")
	if err == nil {
		err = prepare(dir)
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "stranger:", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "stranger:", err)
		status = 1
	}
	os.Exit(status)
}

// needsRelease skips the test if there is no release.
func needsRelease(t *testing.T) {
	t.Helper()
	if !*full {
		t.Skip("the flag -stranger is not set")
	}
}

// prepare sets released. All files are below dir.
func prepare(dir string) error {
	released.tree, released.bin = filepath.Join(dir, "tree"), filepath.Join(dir, "bin")
	if err := copyTree(released.tree); err != nil {
		return err
	}
	if err := modproxy.Rewrite(dir, released.tree, version); err != nil {
		return err
	}
	env, err := modproxy.Env(dir)
	if err != nil {
		return err
	}
	released.env = slices.Concat(env, []string{
		"GOBIN=" + released.bin,
		"PATH=" + released.bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
	})
	return shareChecksums(filepath.Join(dir, "modcache"))
}

// copyTree copies the files of the repository, including changes that are not committed. The copy
// is a git repository, because modproxy.Rewrite asks git for the files.
func copyTree(to string) error {
	list := exec.CommandContext(context.Background(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a file of the repository
		if errors.Is(err, os.ErrNotExist) {
			continue // the file was deleted
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil { //nolint:gosec // a file of the copy
			return err
		}
	}
	if out, err := exec.CommandContext(context.Background(), "git", "init", "-q", to).CombinedOutput(); err != nil { //nolint:gosec // the folder of the copy
		return fmt.Errorf("git init: %w: %s", err, out)
	}
	return nil
}

// shareChecksums lets the module cache use the answers of the checksum database that the user's
// module cache has already. So the tests need no network if the user has all modules.
func shareChecksums(modCache string) error {
	out, err := exec.CommandContext(context.Background(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	have := filepath.Join(string(bytes.TrimSpace(out)), "cache", "download", "sumdb")
	if _, err := os.Stat(have); errors.Is(err, os.ErrNotExist) {
		return nil // the go command asks the checksum database
	}
	folder := filepath.Join(modCache, "cache", "download")
	return errors.Join(os.MkdirAll(folder, 0o700), os.Symlink(have, filepath.Join(folder, "sumdb")))
}

// command runs a command of a stranger and returns its output. The words are not read by a shell.
func command(t *testing.T, dir string, words ...string) string {
	t.Helper()
	return run(t, dir, nil, words...)
}

// shell runs a script of a stranger with the additional variables env, and returns its output.
func shell(t *testing.T, dir string, env []string, script string) string {
	t.Helper()
	return run(t, dir, env, "sh", "-euc", script)
}

func run(t *testing.T, dir string, env []string, words ...string) string {
	t.Helper()
	path, err := lookPath(words[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, words[1:]...) //nolint:gosec // the commands are in the pages
	cmd.Dir, cmd.Env = dir, slices.Concat(released.env, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: got error %v, want no error; output:\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// lookPath searches for a program first in the folder of installed programs.
func lookPath(name string) (string, error) {
	if installed := filepath.Join(released.bin, name); name != "go" {
		if _, err := os.Stat(installed); err == nil {
			return installed, nil
		}
	}
	return exec.LookPath(name)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
