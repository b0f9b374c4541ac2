// Package nilcheck finds nil values in interfaces.
package nilcheck

import "reflect"

// IsNil reports whether v is nil, or contains a nil pointer or a nil function. An interface
// that contains a nil pointer is not equal to nil, and a call of its methods usually panics.
// A program gets such an interface if it ignores the error of a constructor.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return (value.Kind() == reflect.Pointer || value.Kind() == reflect.Func) && value.IsNil()
}

// HasNil reports whether v contains a nil value or is empty. It returns true if
//
//   - [IsNil] returns true for v;
//   - v is an empty slice;
//   - v is a slice, and HasNil returns true for an element of v.
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
