package limits

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// reader reads the declarations of a file.
type reader struct {
	source       *Source
	info         *types.Info
	prefix, file string
}

// declaration reads a declaration at the top level of the file.
func (r *reader) declaration(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Body != nil {
			r.body(decl.Name.Name, decl.Body)
		}
	case *ast.GenDecl:
		if decl.Tok == token.CONST {
			r.constants(r.prefix, decl)
			return
		}
		for _, spec := range decl.Specs {
			if spec, ok := spec.(*ast.ValueSpec); ok {
				r.body(spec.Names[0].Name, spec)
			}
		}
	}
}

// body reads the constants and the numbers in a function or a variable.
func (r *reader) body(name string, body ast.Node) {
	var parents []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			parents = parents[:len(parents)-1]
			return true
		}
		if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
			r.constants(r.prefix+"."+name, decl)
			return false
		}
		if text := number(n, parents); text != "" {
			r.source.Numbers = append(r.source.Numbers, r.file+" "+text)
		}
		parents = append(parents, n)
		return true
	})
}

// constants adds the numeric constants of a declaration, and the constants whose value depends
// on another package. It leaves out constants with iota, because they define names and not
// quantities.
func (r *reader) constants(prefix string, decl *ast.GenDecl) {
	usesIota := false
	for _, spec := range decl.Specs {
		spec := spec.(*ast.ValueSpec) //nolint:errcheck,forcetypeassert // each spec of constants is a ValueSpec
		if len(spec.Values) > 0 {     // a constant without a value repeats the expression of the previous constant
			usesIota = slices.ContainsFunc(spec.Values, hasIota)
		}
		if usesIota {
			continue
		}
		for _, id := range spec.Names {
			object, ok := r.info.Defs[id].(*types.Const)
			if !ok || object.Val().Kind() == constant.Bool || object.Val().Kind() == constant.String {
				continue
			}
			name := prefix + "." + id.Name
			r.source.Constants[name] = Constant{name, object.Val(), strings.HasSuffix(object.Type().String(), "time.Duration")}
		}
	}
}

// hasIota reports whether an expression contains iota.
func hasIota(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == "iota"
		return true
	})
	return found
}

// small is the least number that the function number reports, except for durations.
const small = 10

// number returns the text of n if n may be a limit: a duration, or a comparison or an assignment
// with a number of at least small. Otherwise it returns "". The parents are the nodes around n.
func number(n ast.Node, parents []ast.Node) string {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op { //nolint:exhaustive // the other operators compare no sizes
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			if isLarge(n.X) || isLarge(n.Y) {
				return types.ExprString(n)
			}
		}
	case *ast.AssignStmt:
		return firstLarge(n.Rhs)
	case *ast.ValueSpec:
		return firstLarge(n.Values)
	case *ast.SelectorExpr:
		if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && units[n.Sel.Name] != 0 && len(parents) > 0 {
			return duration(n, parents)
		}
	}
	return ""
}

// firstLarge returns the text of the first large number, or "".
func firstLarge(values []ast.Expr) string {
	if i := slices.IndexFunc(values, isLarge); i >= 0 {
		return "= " + types.ExprString(values[i])
	}
	return ""
}

// isLarge reports whether e consists of decimal numbers only, and has a value of at least small.
func isLarge(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.INT || strings.HasPrefix(e.Value, "0x") {
			return false
		}
	case *ast.BinaryExpr:
		for _, operand := range []ast.Expr{e.X, e.Y} {
			if number, ok := operand.(*ast.BasicLit); !ok || number.Kind != token.INT {
				return false
			}
		}
	default:
		return false
	}
	value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(e))
	return err == nil && value.Value != nil && constant.Compare(value.Value, token.GEQ, constant.MakeInt64(small))
}

// duration returns the text of the duration with the given unit. It returns "" if the unit
// converts a variable, or if a duration is rounded.
func duration(unit ast.Expr, parents []ast.Node) string {
	text := types.ExprString(unit)
	switch parent := parents[len(parents)-1].(type) {
	case *ast.BinaryExpr:
		other := parent.X
		if other == unit {
			other = parent.Y
		}
		if _, isNumber := other.(*ast.BasicLit); isNumber {
			return types.ExprString(parent)
		}
		if parent.Op == token.MUL || parent.Op == token.QUO || parent.Op == token.REM {
			return ""
		}
	case *ast.CallExpr:
		if method, ok := parent.Fun.(*ast.SelectorExpr); ok && (method.Sel.Name == "Round" || method.Sel.Name == "Truncate") {
			return ""
		}
		if id, ok := parent.Fun.(*ast.Ident); ok && id.Name == "float64" {
			return ""
		}
	}
	return text
}
