package scopes

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// atCaller adds the line that declares a wrong rule to what is wrong with it. Rules are
// collected in maps, tables and variables, so this line is the only one that leads to
// the mistake.
func atCaller(err error) error { return fmt.Errorf("%w (declared at %s)", err, caller()) }

// caller returns the file and the line of the innermost caller outside of this module:
// bearer.ClaimEquals and the router adapters call this package for somebody else.
func caller() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if isOutside(frame) {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
		if !more {
			return "an unknown line"
		}
	}
}

// module is the import path of this module.
//
//nolint:gochecknoglobals // computed once
var module = strings.TrimSuffix(reflect.TypeFor[Rule]().PkgPath(), "/scopes")

// isOutside reports whether a frame is code of a user. The tests and the example
// programs of this module are users too.
func isOutside(frame runtime.Frame) bool {
	rest, ours := strings.CutPrefix(frame.Function, module)
	ours = ours && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/"))
	return !ours || strings.HasSuffix(frame.File, "_test.go") || strings.HasPrefix(rest, "/examples/")
}
