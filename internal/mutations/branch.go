package main

import (
	"go/ast"
	"go/token"
	"slices"
)

// A kind is the meaning of the last result of a function.
type kind int

const (
	value   kind = iota // the meaning is unknown
	search              // the result of a search, which is a function that returns nil or "" at its end
	verdict             // an error; nil means that the function accepts
	truth               // a bool; true means that the function accepts
	nothing             // the function has no result
)

// lastResult returns the kind of the last result of a function. It only looks at the type of
// the result, so it never returns the kind search.
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

// isRefusal reports whether a branch refuses. A branch refuses if it returns a failure,
// continues a loop, or records a failure.
func (f *finder) isRefusal(body []ast.Stmt, result kind) bool {
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
			return !isAnyOf(end, "nil")
		case truth:
			return isAnyOf(end, "false")
		case value, search:
			return isNothing(end)
		case nothing:
		}
	}
	return false
}

// isAcceptance reports whether a branch returns success.
func (f *finder) isAcceptance(body []ast.Stmt, result kind) bool {
	if len(body) == 0 {
		return false
	}
	last, ok := lastOf(body).(*ast.ReturnStmt)
	if !ok || len(last.Results) == 0 {
		return false
	}
	end := last.Results[len(last.Results)-1]
	return result == verdict && isAnyOf(end, "nil") || result == truth && isAnyOf(end, "true")
}

// isAnyOf reports whether an expression is an identifier or a literal, and its text is an
// element of the list words.
func isAnyOf(e ast.Expr, words ...string) bool {
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
	return ok && len(literal.Elts) == 0 || isAnyOf(e, "nil", `""`)
}

// recordsFailure reports whether a statement records a failure. A statement records a failure
// if it calls the function panic or "bad", or if it assigns an error or false to a variable that the function
// evaluates later.
func recordsFailure(stmt ast.Stmt) bool {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt:
		call, ok := stmt.X.(*ast.CallExpr)
		return ok && isAnyOf(call.Fun, "panic", "bad")
	case *ast.AssignStmt:
		to, what := stmt.Lhs[len(stmt.Lhs)-1], stmt.Rhs[len(stmt.Rhs)-1]
		if selector, ok := to.(*ast.SelectorExpr); ok {
			to = selector.Sel
		}
		return stmt.Tok == token.ASSIGN && (isAnyOf(to, "err", "errs", "refusal", "Err") && !isAnyOf(what, "nil") || isAnyOf(what, "false"))
	}
	return false
}

func lastOf(body []ast.Stmt) ast.Stmt {
	if len(body) == 0 {
		return nil
	}
	return body[len(body)-1]
}

// returnsResult reports whether a branch ends with a return statement that has a result.
func returnsResult(body []ast.Stmt) bool {
	last, ok := lastOf(body).(*ast.ReturnStmt)
	return ok && len(last.Results) > 0
}

func endsInNothing(body *ast.BlockStmt) bool {
	last, ok := lastOf(body.List).(*ast.ReturnStmt)
	return ok && len(last.Results) > 0 && isNothing(last.Results[len(last.Results)-1])
}
