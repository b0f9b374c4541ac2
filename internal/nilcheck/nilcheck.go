// Package nilcheck finds interface values that hold nothing.
package nilcheck

import "reflect"

// IsNil reports whether v is nil, or an interface that holds a nil pointer or a nil
// function. Such a value compares unequal to nil and panics when its method is called:
// it is what New returns beside an error that the caller did not check.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return (value.Kind() == reflect.Pointer || value.Kind() == reflect.Func) && value.IsNil()
}

// HasNil reports whether v is nil in the sense of [IsNil], or a list that is empty or has
// such an element.
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
