package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// entry describes a profile. It is read from the source file of the profile.
type entry struct {
	file, variable            string
	accepts, issuer, audience string              // from the doc comment
	notes                     []string            // the remaining paragraphs of the doc comment
	name                      string              // Profile.Name
	lists                     map[string][]string // the fields of the literal that are lists of strings, by name
	values                    []claimValues       // Profile.RequiredValues
	tenants                   []string            // the keys of Profile.TenantClaims
}

// claimValues is a claim and its accepted values.
type claimValues struct {
	claim  string
	values []string
}

// load reads the profiles in a folder. It sorts them by the names of their variables.
func load(dir string) ([]entry, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var list []entry
	var errs []error
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		entries, err := read(file, nil)
		list, errs = append(list, entries...), append(errs, err)
	}
	if len(list) == 0 {
		errs = append(errs, fmt.Errorf("%s: the folder has no profiles", dir))
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.variable, b.variable) })
	return list, errors.Join(errs...)
}

// read reads the profiles of one file. src is the text of the file. If src is nil, read
// reads the text from the file.
func read(file string, src any) (list []entry, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() {
			continue
		}
		e := entry{file: filepath.Base(file), variable: f.Name.Name}
		if err := errors.Join(e.readComment(f.Doc.Text()), e.readLiteral(f)); err != nil {
			errs = append(errs, fmt.Errorf("%s/%s: %s: %w", folder, e.file, e.variable, err))
		}
		list = append(list, e)
	}
	return list, errors.Join(errs...)
}

// readComment reads the doc comment of a profile. The package comment of internal/profiles
// describes the form of the comment.
func (e *entry) readComment(text string) error {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	paragraphs = append(paragraphs, "", "")
	var hasAccepts, hasStop, hasIssuer, hasAudience bool
	e.accepts, hasAccepts = strings.CutPrefix(oneLine(paragraphs[0]), e.variable+" accepts ")
	e.accepts, hasStop = strings.CutSuffix(e.accepts, ".")
	e.issuer, hasIssuer = strings.CutPrefix(oneLine(paragraphs[1]), "Issuer: ")
	e.audience, hasAudience = strings.CutPrefix(oneLine(paragraphs[2]), "Audience: ")
	e.notes = slices.DeleteFunc(paragraphs[3:], func(s string) bool { return s == "" })
	var errs []error
	for want, ok := range map[string]bool{
		fmt.Sprintf("1 of the doc comment is not %q", e.variable+" accepts (which tokens)."): hasAccepts && hasStop,
		fmt.Sprintf("2 of the doc comment is not %q", "Issuer: (what Config.Issuer is)"):     hasIssuer,
		fmt.Sprintf("3 of the doc comment is not %q", "Audience: (what Config.Audience is)"): hasAudience,
	} {
		if !ok {
			errs = append(errs, errors.New("paragraph "+want))
		}
	}
	return errors.Join(errs...)
}

// oneLine joins the lines of a paragraph.
func oneLine(paragraph string) string { return strings.ReplaceAll(paragraph, "\n", " ") }

// readLiteral reads the fields of the Profile that a function returns.
func (e *entry) readLiteral(f *ast.FuncDecl) error {
	literal := profileLiteral(f)
	if literal == nil {
		return errors.New("want a function without parameters that returns a Profile literal")
	}
	e.lists = map[string][]string{}
	var errs []error
	for _, element := range literal.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return errors.New("want field names in the Profile literal")
		}
		var err error
		switch name := identifier(field.Key); name {
		case "Name":
			e.name, err = text(field.Value)
		case "Types", "Audience", "Scopes", "Roles", "ClientID", "Required":
			e.lists[name], err = texts(field.Value)
		case "RequiredValues":
			e.values, err = textLists(field.Value)
		case "TenantClaims":
			e.tenants, err = textKeys(field.Value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", identifier(field.Key), err))
		}
	}
	if e.name == "" {
		errs = append(errs, errors.New("want the field Name, which logs show"))
	}
	return errors.Join(errs...)
}

// profileLiteral returns the Profile literal that f returns. It returns nil if f has
// parameters, or if f does not consist of one return statement with such a literal.
func profileLiteral(f *ast.FuncDecl) *ast.CompositeLit {
	if f.Recv != nil || len(f.Type.Params.List) > 0 || f.Body == nil || len(f.Body.List) != 1 {
		return nil
	}
	statement, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(statement.Results) != 1 {
		return nil
	}
	literal, ok := statement.Results[0].(*ast.CompositeLit)
	if !ok || identifier(literal.Type) != "Profile" {
		return nil
	}
	return literal
}

// identifier returns the name of an identifier, or "" for another expression.
func identifier(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

var errNoLiteral = errors.New("want string literals, because this program only parses the source")

// text returns the value of a string literal.
func text(e ast.Expr) (string, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", errNoLiteral
	}
	return strconv.Unquote(literal.Value)
}

// texts returns the values of a literal list of strings. The result is never nil.
func texts(e ast.Expr) ([]string, error) {
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, errNoLiteral
	}
	list := make([]string, len(literal.Elts))
	for i, element := range literal.Elts {
		var err error
		if list[i], err = text(element); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// textKeys returns the sorted keys of a literal map.
func textKeys(e ast.Expr) ([]string, error) {
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, errNoLiteral
	}
	var keys []string
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return nil, errNoLiteral
		}
		key, err := text(pair.Key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}

// textLists returns the keys and values of a literal map of lists, sorted by key.
func textLists(e ast.Expr) ([]claimValues, error) {
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, errNoLiteral
	}
	byClaim := map[string][]string{}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return nil, errNoLiteral
		}
		claim, err := text(pair.Key)
		if err != nil {
			return nil, err
		}
		if byClaim[claim], err = texts(pair.Value); err != nil {
			return nil, err
		}
	}
	var list []claimValues
	for _, claim := range slices.Sorted(maps.Keys(byClaim)) {
		list = append(list, claimValues{claim, byClaim[claim]})
	}
	return list, nil
}
