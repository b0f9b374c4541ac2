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

// A mutant is the change to the source that switches off one check.
type mutant struct {
	file     string // relative to the root of the module
	function string
	what     string // the source text of the condition, call or name
	becomes  string // the replacement, which is true, false, nil or "another name"
	line     int

	start, end     int    // the offsets of the source text in the file
	prefix, suffix string // the texts to insert before and after the source text; %d is the number of the mutant
}

// name returns the unique name of the mutant. The name does not contain the line number,
// because the number changes when lines above it change.
func (m *mutant) name() string {
	return filepath.Dir(m.file) + " " + m.function + ": " + m.what + " -> " + m.becomes
}

// mutantsOf returns the mutants of a file. There are one or more mutants for each check:
//
//   - The condition of an if or case becomes false if the branch refuses. If the condition
//     contains ||, there is one mutant for each operand. A branch refuses if it returns an
//     error, false, nil or no result. A branch also refuses if it continues a loop, panics, or
//     records an error or false.
//   - The condition of an if or case becomes true if the branch accepts. If the condition
//     contains &&, there is one mutant for each operand. A branch accepts if it returns a nil
//     error or true.
//   - A search is a function that returns nil or "" at its end. If a branch of a search returns
//     a result, its condition becomes true in one mutant and false in a second mutant.
//   - A result of type bool becomes true in one mutant and false in a second mutant.
//   - If a function ends by returning the error of a call, this error becomes nil.
//   - A name or constant in a case of a switch becomes a different value.
func mutantsOf(root, file string) ([]*mutant, error) {
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
	f.makeUnique()
	return f.found, nil
}

// A finder collects the mutants of one file.
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

// literals finds the checks in function literals in the value of a variable, for example in a
// table. In the names of these mutants, the name of the variable replaces the name of a
// function.
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

// walk finds the checks in the body of a function.
func (f *finder) walk(body *ast.BlockStmt, signature *ast.FuncType) {
	result := lastResult(signature)
	if result == value && endsInNothing(body) {
		result = search
	}
	if result == verdict {
		f.returnedCall(body, signature)
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
					f.caseValues(clause.List)
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
		case f.isRefusal(body, result):
			f.operands(condition, token.LOR, "false")
		case f.isAcceptance(body, result):
			f.operands(condition, token.LAND, "true")
		case result == search && returnsResult(body):
			f.operands(condition, token.LAND, "true")
			f.operands(condition, token.LOR, "false")
		}
	}
}

// operands adds a mutant for each operand of op in e, at any depth. If e itself is not an
// operation with op, operands also adds a mutant for e.
func (f *finder) operands(e ast.Expr, op token.Token, becomes string) {
	switch inner := e.(type) {
	case *ast.ParenExpr:
		f.operands(inner.X, op, becomes)
		return
	case *ast.BinaryExpr:
		if inner.Op == op {
			f.operands(inner.X, op, becomes)
			f.operands(inner.Y, op, becomes)
			return
		}
		if inner.Op == token.LOR || inner.Op == token.LAND {
			f.innerOperands(inner.X, op, becomes)
			f.innerOperands(inner.Y, op, becomes)
		}
	}
	f.condition(e, becomes)
}

// innerOperands adds mutants for the operands of op in e. It adds no mutant for e itself,
// because e is an operand of the other operator.
func (f *finder) innerOperands(e ast.Expr, op token.Token, becomes string) {
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
		f.operands(binary.X, op, becomes)
		f.operands(binary.Y, op, becomes)
	case binary.Op == token.LOR, binary.Op == token.LAND:
		f.innerOperands(binary.X, op, becomes)
		f.innerOperands(binary.Y, op, becomes)
	}
}

// boolResult adds mutants for an expression that a function returns as a result of type bool.
func (f *finder) boolResult(e ast.Expr) {
	if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
		return // the condition of the branch that returns true or false has a mutant of its own
	}
	f.operands(e, token.LAND, "true")
	f.operands(e, token.LOR, "false")
}

// caseValues adds a mutant for each constant of a case, and for each string of a case except
// "".
func (f *finder) caseValues(list []ast.Expr) {
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

// returnedCall adds a mutant for the call whose error a function returns at its end.
func (f *finder) returnedCall(body *ast.BlockStmt, signature *ast.FuncType) {
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

// condition adds a mutant that replaces a condition by true or false. The mutant still
// evaluates the condition, because the condition can have side effects.
func (f *finder) condition(e ast.Expr, becomes string) {
	if becomes == "true" {
		f.wrap(e, becomes, "((", ") || mutantOff == %d)")
	} else {
		f.wrap(e, becomes, "((", ") && mutantOff != %d)")
	}
}

func (f *finder) wrap(e ast.Expr, becomes, prefix, suffix string) {
	start, end := f.offset(e.Pos()), f.offset(e.End())
	f.found = append(f.found, &mutant{
		file: f.file, function: f.function, line: f.fset.Position(e.Pos()).Line,
		what: strings.Join(strings.Fields(f.text(e)), " "), becomes: becomes,
		start: start, end: end, prefix: prefix, suffix: suffix,
	})
}

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// makeUnique makes the names of the mutants unique. If several checks of a function have the
// same text, it adds a number to the text.
func (f *finder) makeUnique() {
	seen := make(map[string]int)
	for _, m := range f.found {
		name := m.name()
		if seen[name]++; seen[name] > 1 {
			m.what += " (" + strconv.Itoa(seen[name]) + ")"
		}
	}
}
