package main

import (
	"go/ast"
	"go/token"
	"slices"
)

// kind is the meaning of a function's last result.
type kind int

const (
	value   kind = iota // unknown
	search              // the result of a search: the function ends with nil or ""
	verdict             // an error: nil accepts
	truth               // a bool: true accepts
	nothing             // the function has no result
)

// lastResult returns the kind of a function's last result, by its type.
func lastResult(t *ast.FuncType) kind {
	if t.Results == nil || len(t.Results.List) == 0 {
		return nothing
	}
	last := t.Results.List[len(t.Results.List)-1].Type
	if star, ok := last.(*ast.StarExpr); ok {
		last = star.X
	}
	if selector, ok := last.(*ast.SelectorExpr); ok {
		last = selector.Sel
	}
	if id, ok := last.(*ast.Ident); ok {
		switch id.Name {
		case "error", "Error":
			return verdict
		case "bool":
			return truth
		}
	}
	return value
}

// refuses reports whether a branch refuses: it returns a failure, continues a loop, or
// records a failure.
func (f *finder) refuses(body []ast.Stmt, result kind) bool {
	if len(body) == 0 {
		return false
	}
	if slices.ContainsFunc(body, recordsFailure) {
		return true
	}
	switch last := lastOf(body).(type) {
	case *ast.BranchStmt:
		return last.Tok == token.CONTINUE
	case *ast.ReturnStmt:
		if len(last.Results) == 0 {
			return result == nothing
		}
		end := last.Results[len(last.Results)-1]
		switch result {
		case verdict:
			return !is(end, "nil")
		case truth:
			return is(end, "false")
		case value, search:
			return isNothing(end)
		case nothing:
		}
	}
	return false
}

// accepts reports whether a branch returns success.
func (f *finder) accepts(body []ast.Stmt, result kind) bool {
	if len(body) == 0 {
		return false
	}
	last, ok := lastOf(body).(*ast.ReturnStmt)
	if !ok || len(last.Results) == 0 {
		return false
	}
	end := last.Results[len(last.Results)-1]
	return result == verdict && is(end, "nil") || result == truth && is(end, "true")
}

// is reports whether an expression is one of the given identifiers or literals.
func is(e ast.Expr, words ...string) bool {
	text := ""
	switch e := e.(type) {
	case *ast.Ident:
		text = e.Name
	case *ast.BasicLit:
		text = e.Value
	}
	for _, word := range words {
		if text == word {
			return true
		}
	}
	return false
}

func isNothing(e ast.Expr) bool {
	literal, ok := e.(*ast.CompositeLit)
	return ok && len(literal.Elts) == 0 || is(e, "nil", `""`)
}

// recordsFailure reports whether a statement panics, or assigns an error or false to a
// variable that the function evaluates later.
func recordsFailure(stmt ast.Stmt) bool {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt:
		call, ok := stmt.X.(*ast.CallExpr)
		return ok && is(call.Fun, "panic", "bad")
	case *ast.AssignStmt:
		to, what := stmt.Lhs[len(stmt.Lhs)-1], stmt.Rhs[len(stmt.Rhs)-1]
		if selector, ok := to.(*ast.SelectorExpr); ok {
			to = selector.Sel
		}
		return stmt.Tok == token.ASSIGN && (is(to, "err", "errs", "refusal", "Err") && !is(what, "nil") || is(what, "false"))
	}
	return false
}

func lastOf(body []ast.Stmt) ast.Stmt {
	if len(body) == 0 {
		return nil
	}
	return body[len(body)-1]
}

// returns reports whether a branch ends with a return of results.
func returns(body []ast.Stmt) bool {
	last, ok := lastOf(body).(*ast.ReturnStmt)
	return ok && len(last.Results) > 0
}

func endsInNothing(body *ast.BlockStmt) bool {
	last, ok := lastOf(body.List).(*ast.ReturnStmt)
	return ok && len(last.Results) > 0 && isNothing(last.Results[len(last.Results)-1])
}
