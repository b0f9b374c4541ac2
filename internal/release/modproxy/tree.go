package modproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"
)

// tree is a set of files below a root folder.
type tree struct {
	root  string
	files []string // relative to root, with slashes, sorted
}

// list returns the files that git knows or does not ignore, except deleted files.
func list(ctx context.Context, root string) (tree, error) {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return tree{}, fmt.Errorf("git ls-files in %s: %w: %s", root, err, bytes.TrimSpace(exit.Stderr))
	} else if err != nil {
		return tree{}, err
	}
	t := tree{root: root}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if _, err := os.Lstat(t.path(name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		t.files = append(t.files, name)
	}
	slices.Sort(t.files)
	t.files = slices.Compact(t.files) // git repeats a file with a conflict
	return t, nil
}

func (t tree) path(name string) string { return filepath.Join(t.root, filepath.FromSlash(name)) }

// add adds a file to the list of files, if the list does not contain the file.
func (t *tree) add(name string) {
	if i, found := slices.BinarySearch(t.files, name); !found {
		t.files = slices.Insert(t.files, i, name)
	}
}

// copyTo copies the regular files of the tree to a folder. The zip file of a module contains no
// other files.
func (t tree) copyTo(folder string) (tree, error) {
	to := tree{root: folder}
	for _, name := range t.files {
		info, err := os.Lstat(t.path(name))
		if err != nil {
			return tree{}, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(t.path(name))
		if err != nil {
			return tree{}, err
		}
		if err := os.MkdirAll(filepath.Dir(to.path(name)), 0o700); err != nil {
			return tree{}, err
		}
		if err := writeFile(to.path(name), data); err != nil {
			return tree{}, err
		}
		to.files = append(to.files, name)
	}
	return to, nil
}

// Module is a module of the repository.
type Module struct {
	Dir       string // the folder relative to the root folder, with slashes; "." is the root folder
	Path      string // the module path
	Published bool   // a release has a tag for this module; modules in examples and internal have no tags

	requires []string // the modules of this repository that the module requires
}

func (m Module) goMod() string { return path.Join(m.Dir, "go.mod") }

// Tag returns the git tag of the module at a version.
func (m Module) Tag(version string) string { return path.Join(m.Dir, version) }

// Modules returns the modules of the repository with the root folder root. A module is behind all
// modules that it requires, and a published module is in front of all other modules.
func Modules(ctx context.Context, root string) ([]Module, error) {
	t, err := list(ctx, root)
	if err != nil {
		return nil, err
	}
	return t.modules()
}

func (t tree) modules() ([]Module, error) {
	var modules []Module
	for _, name := range t.files {
		dir, base := path.Split(name)
		dir = path.Clean(dir)
		parts := strings.Split(dir, "/")
		if base != "go.mod" || slices.Contains(parts, "testdata") {
			continue
		}
		m, err := t.readModule(dir)
		if err != nil {
			return nil, err
		}
		m.Published = parts[0] != "examples" && parts[0] != "internal"
		modules = append(modules, m)
	}
	if len(modules) == 0 || !slices.ContainsFunc(modules, func(m Module) bool { return m.Dir == "." }) {
		return nil, fmt.Errorf("%s: there is no file go.mod", t.root)
	}
	return inOrder(modules)
}

func (t tree) readModule(dir string) (Module, error) {
	m := Module{Dir: dir}
	f, err := t.parse(m)
	if err != nil {
		return Module{}, err
	}
	m.Path = f.Module.Mod.Path
	if want := path.Join(modulePath, dir); m.Path != want {
		return Module{}, fmt.Errorf("%s: got the module path %s, want %s", m.goMod(), m.Path, want)
	}
	for _, r := range f.Require {
		if isOurs(r.Mod.Path) {
			m.requires = append(m.requires, r.Mod.Path)
		}
	}
	return m, nil
}

func (t tree) parse(m Module) (*modfile.File, error) {
	data, err := os.ReadFile(t.path(m.goMod()))
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse(m.goMod(), data, nil)
	if err != nil {
		return nil, err
	}
	if f.Module == nil {
		return nil, fmt.Errorf("%s: the module has no path", m.goMod())
	}
	return f, nil
}

func isOurs(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

// inOrder sorts modules as [Modules] returns them.
func inOrder(modules []Module) ([]Module, error) {
	var sorted []Module
	done := map[string]bool{}
	for len(sorted) < len(modules) {
		i := slices.IndexFunc(modules, func(m Module) bool {
			return !done[m.Path] && !slices.ContainsFunc(m.requires, func(path string) bool { return !done[path] }) &&
				(m.Published || !slices.ContainsFunc(modules, func(other Module) bool { return other.Published && !done[other.Path] }))
		})
		if i < 0 {
			var left []string
			for _, m := range modules {
				if !done[m.Path] {
					left = append(left, m.Path)
				}
			}
			return nil, fmt.Errorf("these modules require each other, a module that does not exist, or a module that is not published: %s", strings.Join(left, ", "))
		}
		sorted = append(sorted, modules[i])
		done[modules[i].Path] = true
	}
	return sorted, nil
}

// filesOf returns the files of a module, and of the modules below its folder. [zip.Create] leaves
// out the files of other modules. As the go command does, filesOf adds the LICENSE of the
// root folder to a module without a LICENSE.
func (t tree) filesOf(m Module) []zip.File {
	prefix := m.Dir + "/"
	if m.Dir == "." {
		prefix = ""
	}
	var files []zip.File
	license := false
	for _, name := range t.files {
		if inModule, ok := strings.CutPrefix(name, prefix); ok {
			files = append(files, file{name: inModule, path: t.path(name)})
			license = license || inModule == "LICENSE"
		}
	}
	if !license && slices.Contains(t.files, "LICENSE") {
		files = append(files, file{name: "LICENSE", path: t.path("LICENSE")})
	}
	return files
}

// file is a file of a module. It implements [zip.File].
type file struct{ name, path string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.path) }
