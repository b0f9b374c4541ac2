package bearer

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// JSON decodes the claims set into a T, for Config.Custom:
//
//	Custom: bearer.JSON[Deployer],
//
// Names are compared exactly; claims that T does not name are ignored. A claim of
// another type than T's is an error, and the token is refused with the reason
// [InvalidCustom]. Where T has a method Validate() error it is called too.
func JSON[T any](claims []byte) (any, error) {
	var v T
	if err := json.Unmarshal(claims, &v); err != nil {
		return nil, fmt.Errorf("decode custom claims: %w", err)
	}
	if check, ok := any(v).(interface{ Validate() error }); ok {
		if err := check.Validate(); err != nil {
			return nil, fmt.Errorf("validate custom claims: %w", err)
		}
	} else if check, ok := any(&v).(interface{ Validate() error }); ok {
		if err := check.Validate(); err != nil {
			return nil, fmt.Errorf("validate custom claims: %w", err)
		}
	}
	return v, nil
}

// JSONAt returns a decoder like [JSON] for one claim instead of the whole set,
// for Config.Custom:
//
//	Custom: bearer.JSONAt[Deployer]("custom_claims"),
//
// The claim is named as in [Profile]. A token without it is refused with the
// reason [InvalidCustom].
func JSONAt[T any](claim string) func(claims []byte) (any, error) {
	path, err := parseClaimPath(claim)
	return func(claims []byte) (any, error) {
		if err != nil {
			return nil, &Error{Reason: Internal, Err: err}
		}
		members, err := strictjson.Parse(claims)
		if err != nil {
			return nil, err
		}
		value := path.in(members)
		if value == nil {
			return nil, fmt.Errorf("claim %q is missing", path)
		}
		return JSON[T](value)
	}
}

// Custom returns the custom claims of the caller, as Config.Custom made them,
// and whether the context has any of type T. In handlers of both transports it
// is used alike.
//
// What it returns is the caller's own: a T without pointers, maps, slices and
// interfaces is copied; a T with a method Clone() T is cloned; any other T is
// decoded from the token once more. A handler cannot change what the next
// request sees.
func Custom[T any](ctx context.Context) (T, bool) {
	var zero T
	claims, ok := FromContext(ctx)
	if !ok {
		return zero, false
	}
	v, ok := claims.custom.(T)
	if !ok {
		return zero, false
	}
	if c, ok := any(v).(interface{ Clone() T }); ok {
		return c.Clone(), true
	}
	if flat(reflect.TypeFor[T]()) {
		return v, true
	}
	fresh, err := claims.decodeCustom(slices.Clone(claims.raw))
	if err != nil {
		return zero, false
	}
	v, ok = fresh.(T)
	return v, ok
}

// flatTypes remembers the answers of flat: types are few and reflection slow.
var flatTypes sync.Map // of reflect.Type to bool

// flat reports whether a copy of a value of type t shares nothing that can be
// changed.
func flat(t reflect.Type) bool {
	if known, ok := flatTypes.Load(t); ok {
		return known.(bool) //nolint:errcheck // only bools are stored, below
	}
	answer := isFlat(t)
	flatTypes.Store(t, answer)
	return answer
}

func isFlat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isFlat(t.Elem())
	case reflect.Struct:
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
