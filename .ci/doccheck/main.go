// Command doccheck checks the text that people read. It exits with status 1 if it finds a
// fault.
//
// Its arguments are patterns for packages, as for go list. The default pattern is ./..., which
// matches all packages of the module. In these packages, doccheck lists each exported name
// without a doc comment. Each constant, variable, struct field and interface method must have
// a comment of its own, above its line or at the end of its line. The only exception is an
// interface with a single method. Its method needs no comment. Each package must have a
// package comment, even if the package is a command. The linter revive does not require all
// these comments. Doccheck skips internal packages and generated files, because users do not
// read them.
//
// It also lists each word that CONTRIBUTING.md avoids. It searches for these words in every
// comment, string and page under version control.
//
// With -screens or -sentences, it makes no checks and prints text for a reader.
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
	seed := flag.Uint64("screens", 0, "print ten screens of code and five screens of pages for a reader, selected at random with this `seed`")
	list := flag.Bool("sentences", false, "print all sentences of the tree, one sentence on each line")
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

// errFound means that the function run has printed faults.
var errFound = errors.New("found faults in the text")

// run prints the exported names without a doc comment in the packages that match patterns. It
// also prints the avoided words in the whole tree.
func run(patterns []string) error {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	packages, err := listPackages(patterns)
	if err != nil {
		return err
	}
	packages = slices.DeleteFunc(packages, isInternal)
	var missing []string
	for _, p := range packages {
		lines, err := undocumented(p)
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
	fmt.Printf("doccheck: %d names without a doc comment in %d packages, %d words to avoid\n", len(missing), len(packages), len(avoided))
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
	all, err := allSentences(dir)
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		extension string
		n         int
	}{{".go", 10}, {".md", 5}} {
		texts, err := screens(dir, all, kind.extension, kind.n, seed)
		if err != nil {
			return err
		}
		for _, text := range texts {
			fmt.Println(text)
		}
	}
	return nil
}

// A pkg contains the fields that doccheck needs from the output of go list for one package.
type pkg struct {
	Dir, ImportPath, Name string
	GoFiles, CgoFiles     []string
}

// listPackages runs go list. It returns the packages that match patterns.
func listPackages(patterns []string) ([]pkg, error) {
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

// isInternal reports whether p is an internal package.
func isInternal(p pkg) bool {
	return slices.Contains(strings.Split(p.ImportPath, "/"), "internal")
}

// undocumented returns a line for each exported name of p without a doc comment.
func undocumented(p pkg) ([]string, error) {
	c := checker{fset: token.NewFileSet()}
	documented := false
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		documented = documented || file.Doc.Text() != ""
		if p.Name != "main" && !ast.IsGenerated(file) { // a command cannot be imported
			c.checkFile(file)
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

// require records the exported names among names, if all docs are empty.
func (c *checker) require(kind, prefix string, names []*ast.Ident, docs ...*ast.CommentGroup) {
	for _, doc := range docs {
		if strings.TrimSpace(doc.Text()) != "" {
			return
		}
	}
	for _, name := range names {
		if name.IsExported() {
			c.missing = append(c.missing, fmt.Sprintf("%s: %s %s%s has no doc comment", c.fset.Position(name.Pos()), kind, prefix, name.Name))
		}
	}
}

func (c *checker) checkFile(file *ast.File) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.checkFunction(d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				c.checkSpec(d, spec)
			}
		}
	}
}

func (c *checker) checkFunction(f *ast.FuncDecl) {
	if f.Recv == nil {
		c.require("func", "", []*ast.Ident{f.Name}, f.Doc)
		return
	}
	if receiver := receiverName(f.Recv.List[0].Type); ast.IsExported(receiver) {
		c.require("method", receiver+".", []*ast.Ident{f.Name}, f.Doc)
	}
}

// checkSpec checks one spec of a declaration, such as one name in a list of constants. The
// comment of the declaration counts only if the declaration has a single spec.
func (c *checker) checkSpec(d *ast.GenDecl, spec ast.Spec) {
	var above *ast.CommentGroup
	if len(d.Specs) == 1 {
		above = d.Doc
	}
	switch s := spec.(type) {
	case *ast.ValueSpec:
		c.require(d.Tok.String(), "", s.Names, above, s.Doc, s.Comment)
	case *ast.TypeSpec:
		c.require("type", "", []*ast.Ident{s.Name}, above, s.Doc, s.Comment)
		if s.Name.IsExported() {
			c.checkMembers(s.Name.Name+".", s.Type)
		}
	}
}

// checkMembers checks the fields or methods of an exported type. It does not check embedded
// types, because their own declarations have the doc comments.
func (c *checker) checkMembers(prefix string, typ ast.Expr) {
	switch t := typ.(type) {
	case *ast.StructType:
		for _, f := range t.Fields.List {
			c.require("field", prefix, f.Names, f.Doc, f.Comment)
		}
	case *ast.InterfaceType:
		if t.Methods.NumFields() == 1 {
			return
		}
		for _, f := range t.Methods.List {
			c.require("method", prefix, f.Names, f.Doc, f.Comment)
		}
	}
}

// receiverName returns the name of the type of a receiver. For example, it returns T for *T[P].
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
