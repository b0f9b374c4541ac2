package bearer_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update-api", false, "rewrite testdata/api")

// TestAPI compares the exported API of each package with testdata/api, so that the API does
// not change by accident. A commit that changes the API on purpose must update these files and
// describe the change in CHANGELOG.md.
func TestAPI(t *testing.T) {
	needsRepository(t)
	const golden = "testdata/api"
	packages := publishedPackages(t)
	if len(packages) < 5 {
		t.Fatalf("got %d published packages, want at least 5: %v", len(packages), packages)
	}
	want := map[string]bool{}
	for dir, name := range packages {
		file := filepath.Join(golden, name+".txt")
		want[file] = true
		api := strings.Join(exportedAPI(t, dir), "\n") + "\n"
		if *updateAPI {
			if err := os.WriteFile(file, []byte(api), 0o644); err != nil { //nolint:gosec // a public file, like the code
				t.Fatal(err)
			}
			continue
		}
		accepted, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if diff := diffLines(string(accepted), api); diff != "" {
			t.Errorf("package %s: got an exported API that differs from %s:\n%s%s", dir, file, diff, howToUpdate)
		}
	}
	files, err := filepath.Glob(filepath.Join(golden, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		// The test of internal/names writes names.txt.
		if filepath.Base(file) == "names.txt" || want[filepath.ToSlash(file)] || want[file] {
			continue
		}
		if !*updateAPI {
			t.Errorf("%s: got a file without a package, want a package for each file%s", file, howToUpdate)
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

const howToUpdate = `
If the change is intended, run: go test -run TestAPI . ./internal/names -update-api
and describe the change in CHANGELOG.md. If testdata/api conflicts in a rebase, take
either side and run the same command.`

// publishedPackages returns the packages that users can import, including packages of nested
// modules. The keys of the result are folders. The values are the names of the files in
// testdata/api.
func publishedPackages(t *testing.T) map[string]string {
	t.Helper()
	packages := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			dir := filepath.Dir(path)
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				name := strings.ReplaceAll(filepath.ToSlash(dir), "/", ".")
				if name == "." {
					name = "bearer"
				}
				packages[dir] = name
			}
			return nil
		}
		switch name := d.Name(); {
		case path == ".":
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, "_"),
			slices.Contains([]string{"internal", "examples", "testdata", "docs", "node_modules", "cmd"}, name):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// exportedAPI returns one line for each exported declaration of the package in dir. The lines
// are sorted.
func exportedAPI(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var api apiLines
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Name.Name == "main" {
			continue
		}
		for _, decl := range parsed.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				api.function(decl)
			case *ast.GenDecl:
				api.general(decl)
			}
		}
	}
	slices.Sort(api)
	return slices.Compact(api) // files for different operating systems repeat declarations
}

// apiLines collects declarations, one line each. Parameter names are left out, because
// they are not part of the API.
type apiLines []string

func (a *apiLines) add(format string, args ...any) {
	*a = append(*a, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

func (a *apiLines) function(decl *ast.FuncDecl) {
	if !decl.Name.IsExported() {
		return
	}
	if decl.Recv == nil {
		a.add("func %s%s%s", decl.Name.Name, typeParams(decl.Type.TypeParams), signature(decl.Type))
		return
	}
	receiver := types.ExprString(decl.Recv.List[0].Type)
	if ast.IsExported(strings.TrimLeft(receiver, "*")) {
		a.add("method (%s) %s%s", receiver, decl.Name.Name, signature(decl.Type))
	}
}

func (a *apiLines) general(decl *ast.GenDecl) {
	var kind ast.Expr // The type of the previous constant. A constant without a type and a value has the type of the previous constant.
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() {
				a.typeSpec(spec)
			}
		case *ast.ValueSpec:
			if spec.Type != nil || spec.Values != nil {
				kind = spec.Type
			}
			for i, name := range spec.Names {
				if name.IsExported() {
					a.add("%s %s %s %s", decl.Tok, name.Name, exprString(kind), valueOf(decl.Tok, spec, i))
				}
			}
		}
	}
}

// valueOf returns the value of a constant or the type of a variable, if the syntax
// shows the value or the type.
func valueOf(kind token.Token, spec *ast.ValueSpec, i int) string {
	if i >= len(spec.Values) {
		return ""
	}
	switch value := spec.Values[i].(type) {
	case *ast.CompositeLit:
		return exprString(value.Type)
	case *ast.CallExpr:
		if text := exprString(value.Fun); kind == token.VAR {
			return "= " + text + "(...)"
		}
	}
	if kind == token.VAR {
		return ""
	}
	return "= " + exprString(spec.Values[i])
}

func (a *apiLines) typeSpec(spec *ast.TypeSpec) {
	name := spec.Name.Name + typeParams(spec.TypeParams)
	if spec.Assign.IsValid() {
		a.add("type %s = %s", name, exprString(spec.Type))
		return
	}
	switch underlying := spec.Type.(type) {
	case *ast.StructType:
		a.add("type %s struct", name)
		a.members("type "+name+" struct", underlying.Fields)
	case *ast.InterfaceType:
		a.add("type %s interface", name)
		a.members("type "+name+" interface", underlying.Methods)
	default:
		a.add("type %s %s", name, exprString(spec.Type))
	}
}

// members adds a line for each exported field, exported method and embedded type of a type.
// For each unexported method of an interface, members adds a line without the name of the
// method, because other packages cannot implement such an interface.
func (a *apiLines) members(of string, list *ast.FieldList) {
	for _, field := range list.List {
		if len(field.Names) == 0 {
			a.add("%s, embeds %s", of, exprString(field.Type))
		}
		for _, name := range field.Names {
			switch kind, isMethod := field.Type.(*ast.FuncType); {
			case isMethod && strings.HasSuffix(of, "interface"):
				if !name.IsExported() {
					a.add("%s, with methods that are not exported", of)
				} else {
					a.add("%s, %s%s", of, name.Name, signature(kind))
				}
			case name.IsExported():
				tag := ""
				if field.Tag != nil {
					tag = field.Tag.Value
				}
				a.add("%s, %s %s %s", of, name.Name, exprString(field.Type), tag)
			}
		}
	}
}

func exprString(e ast.Expr) string {
	if e == nil {
		return ""
	}
	if f, ok := e.(*ast.FuncType); ok {
		return "func" + signature(f)
	}
	return types.ExprString(e)
}

func signature(f *ast.FuncType) string {
	text := "(" + strings.Join(fieldTypes(f.Params), ", ") + ")"
	switch results := fieldTypes(f.Results); len(results) {
	case 0:
	case 1:
		text += " " + results[0]
	default:
		text += " (" + strings.Join(results, ", ") + ")"
	}
	return text
}

func fieldTypes(list *ast.FieldList) []string {
	if list == nil {
		return nil
	}
	var texts []string
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			texts = append(texts, exprString(field.Type))
		}
	}
	return texts
}

func typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var texts []string
	for _, field := range list.List {
		for _, name := range field.Names {
			texts = append(texts, name.Name+" "+exprString(field.Type))
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// diffLines returns the lines that only one of the two texts contains. A line that only the
// accepted text contains begins with "-". A line that only the actual text contains begins
// with "+".
func diffLines(accepted, actual string) string {
	before, after := strings.Split(accepted, "\n"), strings.Split(actual, "\n")
	var diff strings.Builder
	for _, line := range before {
		if !slices.Contains(after, line) {
			diff.WriteString("\t- " + line + "\n")
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			diff.WriteString("\t+ " + line + "\n")
		}
	}
	return diff.String()
}
