package modproxy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// rewriter changes the files go.mod and go.sum of a tree to those of a release.
type rewriter struct {
	tree    *tree
	version string
	sums    map[string][]string // the lines in go.sum for each published module, by module path
}

// rewrite changes the files of one module. The modules of this repository that it requires must
// be published already, except if the module replaces them.
//
// The result is the same as that of go mod tidy, because the packages of the module and of its
// dependencies do not change. The step release of .ci/run compares both.
func (r rewriter) rewrite(m Module, modules []Module) error {
	f, err := r.tree.parse(m)
	if err != nil {
		return err
	}
	keep := strings.HasPrefix(m.Dir, "internal/") // only programs and tests of this repository use these modules
	if !keep {
		if err := dropReplaces(f); err != nil {
			return err
		}
	}
	for _, required := range m.requires {
		if m.Published && !slices.ContainsFunc(modules, func(other Module) bool { return other.Path == required && other.Published }) {
			return fmt.Errorf("it requires %s, which is not published", required)
		}
		if err := f.AddRequire(required, r.version); err != nil {
			return err
		}
	}
	f.Cleanup()
	data, err := f.Format()
	if err != nil {
		return err
	}
	if err := writeFile(r.tree.path(m.goMod()), data); err != nil {
		return err
	}
	return r.rewriteSums(m, f)
}

// dropReplaces removes the replacements of the modules of this repository. It returns an error for
// any other replacement, because the go command ignores the replacements of a dependency.
func dropReplaces(f *modfile.File) error {
	for _, replace := range slices.Clone(f.Replace) {
		if !isOurs(replace.Old.Path) {
			return fmt.Errorf("it replaces %s; users of the module do not get this replacement", replace.Old.Path)
		}
		if err := f.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
			return err
		}
	}
	return nil
}

// rewriteSums replaces the lines of go.sum for the modules of this repository.
func (r rewriter) rewriteSums(m Module, f *modfile.File) error {
	name := path.Join(m.Dir, "go.sum")
	old, err := os.ReadFile(r.tree.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sums := goSum{}
	for line := range strings.Lines(string(old)) {
		if path, _, _ := strings.Cut(line, " "); !isOurs(path) {
			sums.add(line)
		}
	}
	for _, required := range m.requires {
		if slices.ContainsFunc(f.Replace, func(replace *modfile.Replace) bool { return replace.Old.Path == required }) {
			continue
		}
		lines, ok := r.sums[required]
		if !ok {
			return fmt.Errorf("it requires %s without a replacement, but %s is not published", required, required)
		}
		for _, line := range lines {
			sums.add(line)
		}
	}
	if len(sums) == 0 && len(old) == 0 {
		return nil
	}
	if err := writeFile(r.tree.path(name), sums.format()); err != nil {
		return err
	}
	r.tree.add(name)
	return nil
}

// goSum is a file go.sum. The keys are modules and versions. A version may end with /go.mod.
type goSum map[module.Version]string

// add adds a line, and ignores an empty line.
func (s goSum) add(line string) {
	if fields := strings.Fields(line); len(fields) == 3 {
		s[module.Version{Path: fields[0], Version: fields[1]}] = fields[2]
	}
}

// format returns the lines in the order in which the go command writes them.
func (s goSum) format() []byte {
	mods := slices.Collect(maps.Keys(s))
	module.Sort(mods)
	var out strings.Builder
	for _, mod := range mods {
		fmt.Fprintf(&out, "%s %s %s\n", mod.Path, mod.Version, s[mod])
	}
	return []byte(out.String())
}
