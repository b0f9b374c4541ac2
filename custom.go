package bearer

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/deepcopy"
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
// The claim is named as in [Profile]; a name that is none is told by [New]. A
// token without the claim, or with null for it, is refused with the reason
// [InvalidCustom].
func JSONAt[T any](name string) func(claims []byte) (any, error) {
	path, err := claim.ParsePath(name)
	if err != nil {
		return invalidDecoder{err}.decode
	}
	return func(claims []byte) (any, error) {
		var members strictjson.Record
		if err := members.Read(claims); err != nil {
			return nil, err
		}
		value := path.In(&members)
		if value == "" || value == "null" { // of which a T would be made that nobody signed
			return nil, fmt.Errorf("claim %q is missing", path)
		}
		return JSON[T]([]byte(value))
	}
}

// invalidDecoder is what a decoder is that cannot work.
type invalidDecoder struct{ err error }

func (d invalidDecoder) decode([]byte) (any, error) {
	return nil, &Error{Reason: Internal, Err: d.err}
}

// configError returns what is wrong with a decoder of this package. It calls no
// other: those count on one call for each token.
func configError(decode func([]byte) (any, error)) error {
	if decode == nil || reflect.ValueOf(decode).Pointer() != reflect.ValueOf(invalidDecoder{}.decode).Pointer() {
		return nil
	}
	_, err := decode(nil)
	return errors.Unwrap(err)
}

// cloned returns a decoder that clones what it decoded once, if that can clone
// itself: a panic of Clone must end the request before it is let through, and
// not the handler.
func cloned(decode func([]byte) (any, error)) func([]byte) (any, error) {
	if decode == nil {
		return nil
	}
	return func(claims []byte) (any, error) {
		v, err := decode(claims)
		if err != nil || v == nil {
			return v, err
		}
		clone := reflect.ValueOf(v).MethodByName("Clone")
		if clone.IsValid() && clone.Type().NumIn() == 0 && clone.Type().NumOut() == 1 && clone.Type().Out(0) == reflect.TypeOf(v) {
			clone.Call(nil)
		}
		return v, nil
	}
}

// Custom returns the custom claims of the caller, as Config.Custom made them,
// and whether the context has any of type T. In handlers of both transports it
// is used alike.
//
// What it returns is the caller's own, so that a handler cannot change what the
// next request sees: a T with a method Clone() T is cloned, any other copied with
// all that it points to. What cannot be copied, such as channels and what is
// behind unexported fields, makes it decode the token once more, and if that
// fails there are no custom claims.
func Custom[T any](ctx context.Context) (custom T, ok bool) {
	claims, ok := FromContext(ctx)
	if !ok {
		return custom, false
	}
	decoded := claims.custom
	given, isGiven := decoded.(givenCustom)
	if isGiven {
		decoded = given.value
	}
	v, ok := decoded.(T)
	if !ok {
		return custom, false
	}
	defer func() {
		if p := recover(); p != nil { // a handler is no place to panic for a hook
			var none T
			custom, ok = none, false
		}
	}()
	if c, ok := decoded.(interface{ Clone() T }); ok {
		return c.Clone(), true
	}
	if deepcopy.Flat(reflect.TypeOf(decoded)) {
		return v, true
	}
	if c, ok := deepcopy.Of(reflect.ValueOf(decoded)); ok {
		custom, ok = c.Interface().(T)
		return custom, ok
	}
	if isGiven {
		return custom, false // the token does not have it
	}
	fresh, err := claims.verifier.custom([]byte(claims.members.Text()))
	if err != nil {
		return custom, false
	}
	custom, ok = fresh.(T)
	return custom, ok
}
