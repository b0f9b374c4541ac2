package scopes

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// atCaller adds to err the line that declares the rule. Rules are collected in maps,
// tables and variables, so only this line leads to the mistake.
func atCaller(err error) error { return fmt.Errorf("%w (declared at %s)", err, caller()) }

// caller returns the file and the line of the innermost caller outside of this module.
// Package bearer and the router adapters call this package on behalf of user code.
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

// isOutside reports whether a frame is user code. The tests and the example programs of
// this module count as user code.
func isOutside(frame runtime.Frame) bool {
	rest, ours := strings.CutPrefix(frame.Function, module)
	ours = ours && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/"))
	return !ours || strings.HasSuffix(frame.File, "_test.go") || strings.HasPrefix(rest, "/examples/")
}
