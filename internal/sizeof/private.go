package sizeof

import (
	"reflect"
	"sync"
	"time"

	"github.com/bearerkit/bearer/internal/deepcopy"
)

// privateTypes caches the results of isPrivate, because reflection is slow. The cache stays
// small, because a program has few types.
var privateTypes sync.Map // reflect.Type to bool

// isPrivate reports whether Value may read values of type t. A type is private if package
// deepcopy can copy its values, and if it has no lock. So a program that protects memory by a
// lock, and shares it behind an unexported field, a function or a channel, does not race with
// Value. For an interface, the type of the value inside decides, not t.
func isPrivate(t reflect.Type) bool {
	if cached, ok := privateTypes.Load(t); ok {
		return cached.(bool) //nolint:errcheck // the map holds only bools
	}
	private := isPrivateType(t, make(map[reflect.Type]bool))
	privateTypes.Store(t, private)
	return private
}

// isPrivateType is isPrivate without the cache. The types in the map seen are not examined
// again, because a type can contain itself.
func isPrivateType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return true
	}
	seen[t] = true
	if reflect.PointerTo(t).Implements(reflect.TypeFor[sync.Locker]()) {
		return false
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return isPrivateType(t.Elem(), seen)
	case reflect.Map:
		return deepcopy.Flat(t.Key()) && isPrivateType(t.Key(), seen) && isPrivateType(t.Elem(), seen)
	case reflect.Struct:
		return t == reflect.TypeFor[time.Time]() || hasPrivateFields(t, seen)
	default:
		return true
	}
}

func hasPrivateFields(t reflect.Type, seen map[reflect.Type]bool) bool {
	for field := range t.Fields() {
		copied := field.IsExported() || deepcopy.IsPromoting(field) || deepcopy.Flat(field.Type)
		if !copied || !isPrivateType(field.Type, seen) {
			return false
		}
	}
	return true
}
