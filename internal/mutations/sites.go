package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one check that is switched off.
type mutant struct {
	file     string // relative to the root of the module
	function string
	what     string // the source text of the condition, call or name
	becomes  string // its replacement: true, false, nil or "another name"
	line     int

	start, end    int    // offsets of this text in the file
	before, after string // the text inserted around it; %d is the number of the mutant
}

// name returns the unique name of the mutant. It does not contain the line, so that it
// stays the same if lines move.
func (m *mutant) name() string {
	return filepath.Dir(m.file) + " " + m.function + ": " + m.what + " -> " + m.becomes
}

// find returns the mutants of a file, one or more for each check:
//
//   - The condition of an if or case whose branch refuses becomes false. If the condition
//     contains ||, each operand becomes false. A branch refuses if it returns an error,
//     false, nil or no result, continues a loop, panics, or records an error or false.
//   - The condition of an if or case whose branch accepts becomes true. If the condition
//     contains &&, each operand becomes true. A branch accepts if it returns a nil error
//     or true.
//   - A search is a function that returns nil or "" at its end. The condition of a branch
//     that returns a result becomes true in one mutant and false in another.
//   - A result of type bool becomes true in one mutant and false in another.
//   - If a function ends with a call that returns an error, this error becomes nil.
//   - A name or constant in a case of a switch becomes another value.
func find(root, file string) ([]*mutant, error) {
	source, err := os.ReadFile(filepath.Join(root, file)) //nolint:gosec // a file of the module
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{file: file, fset: fset, source: source}
	for _, decl := range parsed.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Body != nil {
				f.function = nameOf(decl)
				f.walk(decl.Body, decl.Type)
			}
		case *ast.GenDecl:
			f.literals(decl)
		}
	}
	f.number()
	return f.found, nil
}

// finder collects the mutants of one file.
type finder struct {
	file, function string
	fset           *token.FileSet
	source         []byte
	found          []*mutant
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if id, ok := receiver.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// literals finds the checks in function literals inside the value of a variable, such as
// a table. Their mutants have the name of the variable.
func (f *finder) literals(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		variable, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		f.function = variable.Names[0].Name
		ast.Inspect(variable, func(n ast.Node) bool {
			literal, ok := n.(*ast.FuncLit)
			if ok {
				f.walk(literal.Body, literal.Type)
			}
			return !ok
		})
	}
}

// walk finds the checks of a function.
func (f *finder) walk(body *ast.BlockStmt, signature *ast.FuncType) {
	result := lastResult(signature)
	if result == value && endsInNothing(body) {
		result = search
	}
	if result == verdict {
		f.end(body, signature)
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.walk(n.Body, n.Type)
			return false
		case *ast.IfStmt:
			f.branch([]ast.Expr{n.Cond}, n.Body.List, result)
		case *ast.SwitchStmt:
			for _, stmt := range n.Body.List {
				clause, ok := stmt.(*ast.CaseClause)
				switch {
				case !ok:
				case n.Tag == nil:
					f.branch(clause.List, clause.Body, result)
				default:
					f.names(clause.List)
				}
			}
		case *ast.ReturnStmt:
			if result == truth && len(n.Results) == signature.Results.NumFields() {
				f.boolResult(n.Results[len(n.Results)-1])
			}
		}
		return true
	})
}

// branch adds mutants for the conditions of a branch with this body.
func (f *finder) branch(conditions []ast.Expr, body []ast.Stmt, result kind) {
	for _, condition := range conditions {
		switch {
		case f.refuses(body, result):
			f.parts(condition, token.LOR, "false")
		case f.accepts(body, result):
			f.parts(condition, token.LAND, "true")
		case result == search && returns(body):
			f.parts(condition, token.LAND, "true")
			f.parts(condition, token.LOR, "false")
		}
	}
}

// parts adds a mutant for each operand of op in e, at any depth. If e itself is no
// operation with op, parts also adds a mutant for e.
func (f *finder) parts(e ast.Expr, op token.Token, becomes string) {
	switch inner := e.(type) {
	case *ast.ParenExpr:
		f.parts(inner.X, op, becomes)
		return
	case *ast.BinaryExpr:
		if inner.Op == op {
			f.parts(inner.X, op, becomes)
			f.parts(inner.Y, op, becomes)
			return
		}
		if inner.Op == token.LOR || inner.Op == token.LAND {
			f.inner(inner.X, op, becomes)
			f.inner(inner.Y, op, becomes)
		}
	}
	f.add(e, becomes)
}

// inner adds mutants for the operands of op in e, an operand of the other operator. Unlike
// parts, inner adds no mutant for e itself.
func (f *finder) inner(e ast.Expr, op token.Token, becomes string) {
	for {
		paren, ok := e.(*ast.ParenExpr)
		if !ok {
			break
		}
		e = paren.X
	}
	binary, ok := e.(*ast.BinaryExpr)
	switch {
	case !ok:
	case binary.Op == op:
		f.parts(binary.X, op, becomes)
		f.parts(binary.Y, op, becomes)
	case binary.Op == token.LOR, binary.Op == token.LAND:
		f.inner(binary.X, op, becomes)
		f.inner(binary.Y, op, becomes)
	}
}

// boolResult adds mutants for an expression that a function returns as its bool result.
func (f *finder) boolResult(e ast.Expr) {
	if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
		return // branch mutates the condition that leads to this return
	}
	f.parts(e, token.LAND, "true")
	f.parts(e, token.LOR, "false")
}

// names adds a mutant for each string of a case, except "", and for each constant.
func (f *finder) names(list []ast.Expr) {
	for _, e := range list {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind == token.STRING && e.Value != `""` {
				f.wrap(e, "another name", "mutantName(", ", %d)")
			}
		case *ast.Ident, *ast.SelectorExpr:
			f.wrap(e, "another name", "mutantOther(", ", %d)")
		}
	}
}

// end adds a mutant for the call whose error a function returns at its end.
func (f *finder) end(body *ast.BlockStmt, signature *ast.FuncType) {
	last, ok := lastOf(body.List).(*ast.ReturnStmt)
	if !ok || len(last.Results) != signature.Results.NumFields() {
		return
	}
	call, ok := last.Results[len(last.Results)-1].(*ast.CallExpr)
	if !ok {
		return
	}
	types := signature.Results.List
	f.wrap(call, "nil", "mutantOther["+f.text(types[len(types)-1].Type)+"](", ", %d)")
}

// add adds a mutant that replaces a condition by true or false. The condition is still
// evaluated, because it may have side effects.
func (f *finder) add(e ast.Expr, becomes string) {
	if becomes == "true" {
		f.wrap(e, becomes, "((", ") || mutantOff == %d)")
	} else {
		f.wrap(e, becomes, "((", ") && mutantOff != %d)")
	}
}

func (f *finder) wrap(e ast.Expr, becomes, before, after string) {
	start, end := f.offset(e.Pos()), f.offset(e.End())
	f.found = append(f.found, &mutant{
		file: f.file, function: f.function, line: f.fset.Position(e.Pos()).Line,
		what: strings.Join(strings.Fields(f.text(e)), " "), becomes: becomes,
		start: start, end: end, before: before, after: after,
	})
}

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// number makes names unique: it numbers checks of one function with the same text.
func (f *finder) number() {
	seen := make(map[string]int)
	for _, m := range f.found {
		name := m.name()
		if seen[name]++; seen[name] > 1 {
			m.what += " (" + strconv.Itoa(seen[name]) + ")"
		}
	}
}
