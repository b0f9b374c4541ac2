package names_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// sourceFile is a parsed file without tests.
type sourceFile struct {
	*ast.File
	path string
}

// sources parses the files of a folder, without tests. The result is empty if the folder does not
// exist.
func sources(t *testing.T, folder string) []sourceFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []sourceFile
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, sourceFile{file, name})
	}
	return files
}

// published returns the folders of all packages that users can import.
func published(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(repository, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(repository, name)
		if err != nil {
			return err
		}
		base := d.Name()
		if relative != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
			slices.Contains([]string{"internal", "examples", "cmd", "testdata", "docs", "node_modules"}, base)) {
			return fs.SkipDir
		}
		folders = append(folders, relative)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// text returns the value of a string constant. A constant is a literal, or a sum of constants.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.ParenExpr:
		return text(e.X)
	case *ast.BinaryExpr:
		left, ok := text(e.X)
		right, ok2 := text(e.Y)
		return left + right, ok && ok2 && e.Op == token.ADD
	}
	return "", false
}

// literals returns the string literals of a folder that match pattern.
func literals(t *testing.T, folder string, pattern *regexp.Regexp) []string {
	t.Helper()
	var found []string
	for _, file := range sources(t, folder) {
		ast.Inspect(file.File, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := text(e); ok && pattern.MatchString(s) {
					found = append(found, s)
				}
			}
			return true
		})
	}
	return found
}

// fieldNames returns the names of request and response fields with the prefix "X-" that package
// middleware reads, sets or removes.
func fieldNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, field := range literals(t, "middleware", regexp.MustCompile(`^X-[\w-]+$`)) {
		names.add("HTTP field", field)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// traceNames returns the names of spans, events and attributes of package tracing. The package is a
// separate module, so this test cannot call it.
func traceNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, name := range literals(t, "tracing", regexp.MustCompile(`^bearer\.[a-z_.]+$`)) {
		names.add("trace name", name)
	}
	return names
}

// vectorNames returns the members of the test vectors. Other implementations read these files.
func vectorNames(t *testing.T) list {
	t.Helper()
	files, err := filepath.Glob(repository + "testdata/vectors/rows/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var names list
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		if err := json.Unmarshal(data, &rows); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, row := range rows {
			for member := range row {
				names.add("vector member", member)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// flagMethods lists the methods of flag.FlagSet that declare a flag, with the index of the
// argument that has the name of the flag.
var flagMethods = regexp.MustCompile(`^(Bool|Duration|Float64|Func|BoolFunc|Int|Int64|String|Uint|Uint64|Text)(Var)?$`)

// flagNames returns the flags of the programs in the folder cmd. A flag is declared with a constant
// name and a constant description.
func flagNames(t *testing.T) list {
	t.Helper()
	folders, err := filepath.Glob(repository + "cmd/*")
	if err != nil {
		t.Fatal(err)
	}
	var names list
	for _, folder := range folders {
		program := path.Base(filepath.ToSlash(folder))
		names.add("program", program)
		for _, file := range sources(t, "cmd/"+program) {
			ast.Inspect(file.File, func(n ast.Node) bool {
				if name, ok := declaredFlag(n); ok {
					names.add("flag", program, "-"+name)
				}
				return true
			})
		}
	}
	return names
}

// declaredFlag returns the name of the flag that n declares.
func declaredFlag(n ast.Node) (name string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	match := flagMethods.FindStringSubmatch(method.Sel.Name)
	index := 0
	switch {
	case match == nil:
		return "", false
	case match[2] == "Var":
		index = 1
	}
	if len(call.Args) < index+3 {
		return "", false // for example fmt.Sprint or slog.String
	}
	name, ok = text(call.Args[index])
	return name, ok
}
