// Command doccheck checks the text that people read. It exits with status 1 if it finds a
// fault.
//
// It lists the exported names without a doc comment, in the packages that its arguments
// name (as for go list; ./... by default). It is stricter than revive's rule: each
// constant, variable, struct field and interface method needs its own comment, above it or
// on its line. Only the method of an interface with a single method needs no comment. A
// command needs a package comment. Internal packages and generated files are skipped,
// because users do not read them.
//
// It also lists the words that CONTRIBUTING.md avoids, in every comment, string and page
// under version control.
//
// With -screens or -sentences it checks nothing, and prints text for a reader.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	seed := flag.Uint64("screens", 0, "print ten screens of code and five of pages, drawn with this `seed`, for a reader who did not write them")
	list := flag.Bool("sentences", false, "print each sentence of the tree in one line")
	flag.Parse()
	var err error
	switch {
	case *list:
		err = printSentences(".")
	case *seed != 0:
		err = printScreens(".", *seed)
	default:
		err = run(flag.Args())
	}
	switch {
	case errors.Is(err, errFound):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "doccheck:", err)
		os.Exit(2)
	}
}

// errFound is returned after findings were printed.
var errFound = errors.New("found faults")

// run prints the names without a doc comment in the packages that patterns name, and the
// avoided words in the whole tree.
func run(patterns []string) error {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	packages, err := list(patterns)
	if err != nil {
		return err
	}
	packages = slices.DeleteFunc(packages, internal)
	var missing []string
	for _, p := range packages {
		lines, err := check(p)
		if err != nil {
			return err
		}
		missing = append(missing, lines...)
	}
	avoided, err := checkWords(".")
	if err != nil {
		return err
	}
	for _, line := range slices.Concat(missing, avoided) {
		fmt.Println(line)
	}
	fmt.Printf("doccheck: %d undocumented in %d packages, %d words to avoid\n", len(missing), len(packages), len(avoided))
	if len(missing)+len(avoided) > 0 {
		return errFound
	}
	return nil
}

func printSentences(dir string) error {
	all, err := allSentences(dir)
	for _, s := range all {
		fmt.Printf("%s\t%s\n", s.file, s.text)
	}
	return err
}

func printScreens(dir string, seed uint64) error {
	for _, kind := range []struct {
		extension string
		n         int
	}{{".go", 10}, {".md", 5}} {
		texts, err := screens(dir, kind.extension, kind.n, seed)
		if err != nil {
			return err
		}
		for _, text := range texts {
			fmt.Println(text)
		}
	}
	return nil
}

// pkg is a package, with the fields of go list's output that doccheck needs.
type pkg struct {
	Dir, ImportPath, Name string
	GoFiles, CgoFiles     []string
}

// list runs go list and returns the packages that match patterns.
func list(patterns []string) ([]pkg, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles", "--"}, patterns...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var packages []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// internal reports whether p is an internal package.
func internal(p pkg) bool {
	return slices.Contains(strings.Split(p.ImportPath, "/"), "internal")
}

// check returns a line for each exported name of p without a doc comment.
func check(p pkg) ([]string, error) {
	c := checker{fset: token.NewFileSet()}
	documented := false
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		documented = documented || file.Doc.Text() != ""
		if p.Name != "main" && !ast.IsGenerated(file) { // a command cannot be imported
			c.file(file)
		}
	}
	if !documented && len(p.GoFiles)+len(p.CgoFiles) > 0 {
		c.missing = append(c.missing, fmt.Sprintf("%s: package %s has no package comment", p.ImportPath, p.Name))
	}
	return c.missing, nil
}

// A checker collects the missing doc comments of one package.
type checker struct {
	fset    *token.FileSet
	missing []string
}

// want reports the exported names among names, unless one of docs has text.
func (c *checker) want(kind, prefix string, names []*ast.Ident, docs ...*ast.CommentGroup) {
	for _, doc := range docs {
		if strings.TrimSpace(doc.Text()) != "" {
			return
		}
	}
	for _, name := range names {
		if name.IsExported() {
			c.missing = append(c.missing, fmt.Sprintf("%s: %s %s%s is undocumented", c.fset.Position(name.Pos()), kind, prefix, name.Name))
		}
	}
}

func (c *checker) file(file *ast.File) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.function(d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				c.spec(d, spec)
			}
		}
	}
}

func (c *checker) function(f *ast.FuncDecl) {
	if f.Recv == nil {
		c.want("func", "", []*ast.Ident{f.Name}, f.Doc)
		return
	}
	if receiver := receiverName(f.Recv.List[0].Type); ast.IsExported(receiver) {
		c.want("method", receiver+".", []*ast.Ident{f.Name}, f.Doc)
	}
}

// spec checks one spec of a declaration. The comment of the declaration counts only if
// the declaration has a single spec.
func (c *checker) spec(d *ast.GenDecl, spec ast.Spec) {
	var above *ast.CommentGroup
	if len(d.Specs) == 1 {
		above = d.Doc
	}
	switch s := spec.(type) {
	case *ast.ValueSpec:
		c.want(d.Tok.String(), "", s.Names, above, s.Doc, s.Comment)
	case *ast.TypeSpec:
		c.want("type", "", []*ast.Ident{s.Name}, above, s.Doc, s.Comment)
		if s.Name.IsExported() {
			c.members(s.Name.Name+".", s.Type)
		}
	}
}

// members checks the fields or methods of an exported type. An embedded type is
// documented at its own declaration.
func (c *checker) members(prefix string, typ ast.Expr) {
	switch t := typ.(type) {
	case *ast.StructType:
		for _, f := range t.Fields.List {
			c.want("field", prefix, f.Names, f.Doc, f.Comment)
		}
	case *ast.InterfaceType:
		if t.Methods.NumFields() == 1 {
			return
		}
		for _, f := range t.Methods.List {
			c.want("method", prefix, f.Names, f.Doc, f.Comment)
		}
	}
}

// receiverName returns the name of the type in a receiver such as *T[P].
func receiverName(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.ParenExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
