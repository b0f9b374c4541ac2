// Package deepcopy copies values, so that a change to the copy does not change the
// original.
package deepcopy

import (
	"reflect"
	"sync"
	"time"
)

// flatTypes caches the results of Flat, because reflection is slow. The cache stays small,
// because a program has few types.
var flatTypes sync.Map // reflect.Type to bool

// Flat reports whether an assignment copies a value of type t completely. If Flat reports
// true, the copy and the original share no memory that can change.
func Flat(t reflect.Type) bool {
	if cached, ok := flatTypes.Load(t); ok {
		return cached.(bool) //nolint:errcheck // the map holds only bools
	}
	flat := isFlat(t)
	flatTypes.Store(t, flat)
	return flat
}

func isFlat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isFlat(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return true // the only pointer in a time.Time points to a time.Location, which is immutable
		}
		for field := range t.Fields() {
			if !isFlat(field.Type) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan,
		reflect.UnsafePointer:
		return false
	default: // numbers, strings, booleans
		return true
	}
}

// maxCopyDepth is greater than the depth of values that are decoded from claims. Of treats a
// deeper value as a cycle.
const maxCopyDepth = 64

// Of returns a deep copy of v: a change to the copy does not change v. Of reports false if v
// contains a value that it cannot copy: a function, a channel, a cycle, a map with keys that
// are not flat, or an unexported field that is not flat and not an embedded struct. See
// [Flat]. Of can copy zero values of every type.
func Of(v reflect.Value) (reflect.Value, bool) { return copyOf(v, 0) }

func copyOf(v reflect.Value, depth int) (reflect.Value, bool) {
	if depth > maxCopyDepth {
		return v, false
	}
	t := v.Type()
	if v.IsZero() || Flat(t) {
		return v, true
	}
	fresh, ok := reflect.New(t).Elem(), true
	// copyElement sets dst to a deep copy of src. src is an element of v, and dst is the
	// same element of fresh.
	copyElement := func(dst, src reflect.Value) {
		if ok {
			if src, ok = copyOf(src, depth+1); ok {
				dst.Set(src)
			}
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		fresh.Set(reflect.New(t.Elem()))
		copyElement(fresh.Elem(), v.Elem())
	case reflect.Interface:
		copyElement(fresh, v.Elem())
	case reflect.Array:
		for i := range v.Len() {
			copyElement(fresh.Index(i), v.Index(i))
		}
	case reflect.Slice:
		fresh.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
		if Flat(t.Elem()) {
			reflect.Copy(fresh, v)
			break
		}
		for i := range v.Len() {
			copyElement(fresh.Index(i), v.Index(i))
		}
	case reflect.Map:
		fresh.Set(reflect.MakeMapWithSize(t, v.Len()))
		for key, value := range v.Seq2() {
			element := reflect.New(t.Elem()).Elem()
			copyElement(element, value)
			if ok = ok && Flat(key.Type()); ok {
				fresh.SetMapIndex(key, element)
			}
		}
	case reflect.Struct:
		fresh.Set(v) // this assignment copies the unexported fields too
		ok = copyFields(fresh, v, depth)
	default:
		return v, false
	}
	return fresh, ok
}

// copyFields replaces the exported fields of dst with deep copies of the fields of src. Before
// the call, dst must be an assigned copy of src. An embedded struct has exported fields even
// if its type is unexported.
func copyFields(dst, src reflect.Value, depth int) bool {
	for i := range src.NumField() {
		field, value := src.Type().Field(i), src.Field(i)
		switch {
		case field.IsExported():
			fresh, ok := copyOf(value, depth+1)
			if !ok {
				return false
			}
			dst.Field(i).Set(fresh)
		case value.IsZero() || Flat(field.Type):
		case !IsPromoting(field) || !copyFields(dst.Field(i), value, depth+1):
			return false
		}
	}
	return true
}

// IsPromoting reports whether the field is an embedded struct. Its exported fields are fields
// of the outer struct too.
func IsPromoting(field reflect.StructField) bool {
	return field.Anonymous && field.Type.Kind() == reflect.Struct
}
