// Package nilcheck finds nil values in interfaces.
package nilcheck

import "reflect"

// IsNil reports whether v is nil, or holds a nil pointer or a nil function. An interface
// that holds a nil pointer is not equal to nil, and its methods usually panic. A program
// gets such a value if it ignores the error of a constructor.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return (value.Kind() == reflect.Pointer || value.Kind() == reflect.Func) && value.IsNil()
}

// HasNil reports whether [IsNil] is true for v, v is an empty slice, or v is a slice with
// an element for which HasNil is true.
func HasNil(v any) bool {
	if IsNil(v) {
		return true
	}
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Slice {
		return false
	}
	for i := range value.Len() {
		if HasNil(value.Index(i).Interface()) {
			return true
		}
	}
	return value.Len() == 0
}
