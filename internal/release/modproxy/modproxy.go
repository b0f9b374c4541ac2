// Package modproxy writes a module proxy into a folder. The proxy serves the modules of this
// repository, as the go command makes them from the tags of a release. So a test can take a
// release before it exists.
//
// In the repository, the modules require each other without a version, and replace each other
// with a folder. [Rewrite] changes the files go.mod and go.sum to those of a release. [Write]
// does the same in a copy of the tree.
package modproxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// Write writes a proxy into the folder dir. The proxy serves every published module of the tree
// at the given version, for example v0.1.0. The tree is the root folder of a git repository.
// Write reads the files that git knows or does not ignore, with changes that are not committed.
// It does not change the tree. If dir already contains a proxy, Write adds the version. Use
// [Env] to run the go command with the proxy.
func Write(dir, tree, version string) error {
	from, err := list(context.Background(), tree)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the folder is temporary
	to, err := from.copyTo(folder)
	if err != nil {
		return err
	}
	return to.release(dir, version)
}

// Rewrite changes the files go.mod and go.sum of every module of the tree to those of a release
// at the given version. It also writes a proxy with this release into the folder dir, as
// [Write] does.
func Rewrite(dir, tree, version string) error {
	t, err := list(context.Background(), tree)
	if err != nil {
		return err
	}
	return t.release(dir, version)
}

// Require changes the file go.mod of every module of the tree, so that it requires the other
// modules of this repository at the given version. Unlike [Rewrite], it keeps the replacements.
func Require(tree, version string) error {
	t, err := list(context.Background(), tree)
	if err != nil {
		return err
	}
	modules, err := t.modules()
	if err != nil {
		return err
	}
	for _, m := range modules {
		f, err := t.parse(m)
		if err != nil {
			return err
		}
		for _, required := range m.requires {
			if err := f.AddRequire(required, version); err != nil {
				return err
			}
		}
		data, err := f.Format()
		if err != nil {
			return err
		}
		if err := writeFile(t.path(m.goMod()), data); err != nil {
			return err
		}
	}
	return nil
}

// Env returns the environment in which the go command takes the modules of this repository from
// the proxy in dir, and all other modules from the module cache and the proxy of the user.
// Downloaded modules are stored in dir, not in the user's module cache, because the user's cache
// must not contain a version that was never released. The caller may append a different
// GOMODCACHE. The settings of go env -w do not apply, except those for proxies, checksums, the
// toolchain and the build cache.
func Env(dir string) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	names := []string{"GOMODCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOCACHE"}
	out, err := exec.CommandContext(context.Background(), "go", append([]string{"env"}, names...)...).Output() //nolint:gosec // the names are constants
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	values := strings.Split(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n") // one line for each name
	if len(values) < len(names) {
		return nil, fmt.Errorf("go env: got %q, want a line for each of %v", out, names)
	}
	proxies := []string{fileURL(proxyDir(dir)), fileURL(filepath.Join(values[0], "cache", "download")), values[1]}
	return append(os.Environ(),
		"GOPROXY="+strings.Join(proxies, ","),
		"GOSUMDB="+values[2], "GOTOOLCHAIN="+values[3], "GOCACHE="+values[4],
		// These must be empty. With GONOPROXY=none, the command go get for an adapter at an exact
		// version finds only the root module, if the root module is in the module cache.
		"GOENV=off", "GONOPROXY=", "GOPRIVATE=",
		"GONOSUMDB="+modulePath,
		"GOMODCACHE="+filepath.Join(dir, "modcache"),
		// Without -trimpath, the build cache depends on the folder of the module cache.
		"GOFLAGS=-trimpath -modcacherw",
		// The index of a module does not notice a release that has a different content than the
		// release of an earlier run.
		"GODEBUG=goindex=0",
		"GOWORK=off"), nil
}

// modulePath is the path of the root module. The paths of all other modules begin with this path.
const modulePath = "github.com/bearerkit/bearer"

func proxyDir(dir string) string { return filepath.Join(dir, "proxy") }

// fileURL returns the URL of a folder. On Windows, the path of a folder has no slash at the start.
func fileURL(dir string) string {
	path := filepath.ToSlash(dir)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// release rewrites every module of the tree, and writes the published modules to the proxy in
// dir.
func (t *tree) release(dir, version string) error {
	if !semver.IsValid(version) || version != semver.Canonical(version) {
		return fmt.Errorf("version %q: want a version such as v0.1.0, without build metadata", version)
	}
	modules, err := t.modules()
	if err != nil {
		return err
	}
	r := rewriter{tree: t, version: version, sums: map[string][]string{}}
	for _, m := range modules {
		if err := r.rewrite(m, modules); err != nil {
			return fmt.Errorf("module %s: %w", m.Path, err)
		}
		if !m.Published {
			continue
		}
		if r.sums[m.Path], err = t.publish(dir, m, version); err != nil {
			return fmt.Errorf("module %s: %w", m.Path, err)
		}
	}
	return nil
}

// publish writes one module to the proxy in dir. It returns the lines that go.sum of a module has
// if it requires this module.
func (t tree) publish(dir string, m Module, version string) ([]string, error) {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return nil, err
	}
	id := module.Version{Path: m.Path, Version: version}
	if err := module.Check(id.Path, id.Version); err != nil {
		return nil, err
	}
	at := filepath.Join(proxyDir(dir), filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil { //nolint:gosec // the folder contains public files
		return nil, err
	}
	base := filepath.Join(at, version)
	if err := writeZip(base+".zip", id, t.filesOf(m)); err != nil {
		return nil, err
	}
	goMod, err := os.ReadFile(t.path(m.goMod()))
	if err != nil {
		return nil, err
	}
	info := fmt.Sprintf("{\"Version\":%q}\n", version)
	if err := errors.Join(writeFile(base+".mod", goMod), writeFile(base+".info", []byte(info)), addToList(filepath.Join(at, "list"), version)); err != nil {
		return nil, err
	}
	whole, err := dirhash.HashZip(base+".zip", dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	only, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(base + ".mod") }) //nolint:gosec // publish has written this file
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%s %s %s", m.Path, version, whole),
		fmt.Sprintf("%s %s/go.mod %s", m.Path, version, only),
	}, nil
}

func writeZip(name string, id module.Version, files []zip.File) (err error) {
	f, err := os.Create(name) //nolint:gosec // a file of the proxy
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return zip.Create(f, id, files)
}

// addToList adds a version to the file that lists the versions of a module.
func addToList(name, version string) error {
	old, err := os.ReadFile(name) //nolint:gosec // a file of the proxy
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	versions := append(strings.Fields(string(old)), version)
	slices.SortFunc(versions, func(a, b string) int { return cmp.Or(semver.Compare(a, b), strings.Compare(a, b)) })
	return writeFile(name, []byte(strings.Join(slices.Compact(versions), "\n")+"\n"))
}

func writeFile(name string, data []byte) error {
	return os.WriteFile(name, data, 0o644) //nolint:gosec // the files of a release are public
}
