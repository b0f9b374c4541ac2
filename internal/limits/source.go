package limits

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const module = "github.com/bearerkit/bearer"

// Constant is a numeric constant in the source.
type Constant struct {
	Name     string // in the form of Limit.Constant
	Value    constant.Value
	Duration bool // the type is time.Duration
}

// Source contains the constants of the packages that users import, and of the packages in
// internal that these packages import.
type Source struct {
	Constants map[string]Constant
	// Numbers lists the numbers that may be limits without a name. Each element is the file and
	// the text of the number: "jwks/errors.go time.Second".
	Numbers []string
}

// ReadSource reads the source in the folder root. It needs no compiled packages, and reads no
// package outside of this module.
func ReadSource(root string) (*Source, error) {
	folders, err := packageFolders(root)
	if err != nil {
		return nil, err
	}
	s := &Source{Constants: map[string]Constant{}}
	for _, folder := range folders {
		if err := s.readPackage(root, folder); err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
	}
	return s, nil
}

// packageFolders returns the folders of the packages that users can import, relative to root.
// A program is not such a package, so its constants need no row.
func packageFolders(root string) ([]string, error) {
	var todo []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir() || name == ".":
			return nil
		case strings.HasPrefix(d.Name(), "."), slices.Contains([]string{"internal", "cmd", "examples", "testdata", "docs", "node_modules"}, d.Name()):
			return fs.SkipDir
		}
		todo = append(todo, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var folders []string
	for todo = append(todo, "."); len(todo) > 0; todo = todo[1:] {
		if slices.Contains(folders, todo[0]) {
			continue
		}
		files, err := sourceFiles(filepath.Join(root, todo[0]))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			continue
		}
		folders = append(folders, todo[0])
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return nil, err
			}
			for _, spec := range parsed.Imports {
				if folder, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/"); ok {
					todo = append(todo, folder)
				}
			}
		}
	}
	slices.Sort(folders)
	return folders, nil
}

// sourceFiles returns the paths of the Go files in a folder, except tests.
func sourceFiles(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	return slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") }), err
}

// readPackage reads the constants of a package.
func (s *Source) readPackage(root, folder string) error {
	paths, err := sourceFiles(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range paths {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	// The errors are ignored, because the imported packages are not read. The constants need
	// none of these packages, except "time".
	config := types.Config{Importer: onlyTime{}, Error: func(error) {}}
	_, _ = config.Check(folder, set, files, info)
	prefix := folder
	if folder == "." {
		prefix = "bearer"
	}
	for _, file := range files {
		name, err := filepath.Rel(root, set.Position(file.Package).Filename)
		if err != nil {
			return err
		}
		r := &reader{source: s, info: info, prefix: prefix, file: filepath.ToSlash(name)}
		for _, decl := range file.Decls {
			r.declaration(decl)
		}
	}
	return nil
}

// onlyTime imports package time with the constants of durations, and empty packages for all
// other paths.
type onlyTime struct{}

// Import implements [types.Importer].
func (onlyTime) Import(path string) (*types.Package, error) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	p := types.NewPackage(path, name)
	if path == "time" {
		duration := types.NewTypeName(token.NoPos, p, "Duration", nil)
		types.NewNamed(duration, types.Typ[types.Int64], nil)
		p.Scope().Insert(duration)
		for unit, size := range units {
			p.Scope().Insert(types.NewConst(token.NoPos, p, unit, duration.Type(), constant.MakeInt64(int64(size))))
		}
	}
	p.MarkComplete()
	return p, nil
}

// units are the constants of package time.
var units = map[string]time.Duration{
	"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
	"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
}
