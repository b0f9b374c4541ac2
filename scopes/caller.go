package scopes

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// atCaller adds to err the line that declares the rule. A program may keep its rules in
// maps, tables and variables, so only this line shows which rule has the mistake.
func atCaller(err error) error { return fmt.Errorf("%w (declared at %s)", err, caller()) }

// The function caller returns the file and the line of the innermost caller that is user
// code. It skips the callers in this module, because package bearer and the router adapters
// call this package for user code.
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

// The variable module is the import path of this module.
//
//nolint:gochecknoglobals // computed once
var module = strings.TrimSuffix(reflect.TypeFor[Rule]().PkgPath(), "/scopes")

// isOutside reports whether a frame belongs to user code. The tests and the example
// programs of this module count as user code.
func isOutside(frame runtime.Frame) bool {
	rest, ours := strings.CutPrefix(frame.Function, module)
	ours = ours && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/"))
	return !ours || strings.HasSuffix(frame.File, "_test.go") || strings.HasPrefix(rest, "/examples/")
}
