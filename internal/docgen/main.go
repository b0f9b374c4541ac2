// Docgen gives generated Go files the doc comments that their generators leave
// out: getters, full method names, registration functions. It is run by go
// generate, behind protoc:
//
//	go run github.com/bearerkit/bearer/internal/docgen *.pb.go
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
)

func main() {
	for _, name := range os.Args[1:] {
		if err := rewrite(name); err != nil {
			fmt.Fprintln(os.Stderr, "docgen:", err)
			os.Exit(1)
		}
	}
}

func rewrite(name string) error {
	src, err := os.ReadFile(name) //nolint:gosec // whoever runs it says which files
	if err != nil {
		return err
	}
	out, err := document(src)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, out, 0o644) //nolint:gosec // source files are for everybody
}

// document returns src with a comment in front of each exported declaration that
// has none.
func document(src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	comments := map[int]string{} // by the offset they go in front of
	add := func(pos token.Pos, doc *ast.CommentGroup, name, text string) {
		if doc == nil && text != "" && ast.IsExported(name) {
			comments[fset.Position(pos).Offset] = "// " + name + " " + text + "\n"
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			add(decl.Pos(), decl.Doc, decl.Name.Name, function(decl))
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					pos, doc := value.Pos(), value.Doc
					if !decl.Lparen.IsValid() {
						pos, doc = decl.Pos(), decl.Doc
					}
					add(pos, doc, value.Names[0].Name, variable(value.Names[0].Name))
				}
				if wrapper, ok := spec.(*ast.TypeSpec); ok && !decl.Lparen.IsValid() {
					add(decl.Pos(), decl.Doc, wrapper.Name.Name, wrapped(wrapper))
				}
			}
		}
	}
	var out bytes.Buffer
	last := 0
	for _, offset := range slices.Sorted(keys(comments)) {
		out.Write(src[last:offset])
		out.WriteString(comments[offset])
		last = offset
	}
	out.Write(src[last:])
	return format.Source(out.Bytes())
}

func keys(m map[int]string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// function says what a generated function does, by its name; "" where that does
// not tell.
func function(decl *ast.FuncDecl) string {
	name := decl.Name.Name
	field, getter := strings.CutPrefix(name, "Get")
	switch {
	case decl.Recv == nil && strings.HasPrefix(name, "New") && strings.HasSuffix(name, "Client"):
		return "returns a client that calls over cc."
	case decl.Recv == nil && strings.HasPrefix(name, "Register"):
		return "registers srv with the server s."
	case decl.Recv == nil:
		return ""
	case strings.HasPrefix(receiver(decl), "Unimplemented"):
		return "refuses the call with Unimplemented."
	case name == "ProtoMessage":
		return "marks a Protocol Buffers message."
	case name == "ProtoReflect":
		return "returns the message for reflection."
	case name == "Reset":
		return "empties the message."
	case name == "String":
		return "returns the message as text, for people."
	case name == "Enum":
		return "returns a pointer to a copy of x."
	case name == "Number":
		return "returns the number of x in the enumeration."
	case name == "Type" || name == "Descriptor":
		return "returns the description of the type."
	case getter:
		return "returns " + field + ", or its zero value where x is nil."
	}
	return ""
}

// receiver returns the name of a method's type.
func receiver(decl *ast.FuncDecl) string {
	t := decl.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// wrapped says what the type is that stands for one choice of a oneof, which is
// named Message_Field; "" for any other type.
func wrapped(spec *ast.TypeSpec) string {
	message, field, ok := strings.Cut(spec.Name.Name, "_")
	if _, isStruct := spec.Type.(*ast.StructType); !ok || !isStruct {
		return ""
	}
	return "is the choice " + field + " of a " + message + "."
}

func variable(name string) string {
	switch {
	case strings.HasSuffix(name, "_FullMethodName"):
		return "is the full name of the method."
	case strings.HasPrefix(name, "File_"):
		return "describes the .proto file."
	case strings.HasSuffix(name, "_name") || strings.HasSuffix(name, "_value"):
		return "maps names and numbers of the enumeration."
	}
	return ""
}
