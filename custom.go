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

// JSON decodes the claims set into a T. Set Config.Custom to this function:
//
//	Custom: bearer.JSON[Deployer],
//
// Names are compared byte for byte, and claims without a field in T are ignored. If T or *T
// has a method Validate() error, JSON calls this method after decoding.
//
// A number in a field of type any becomes a float64, which is exact only for integers up to 2^53.
// A larger identifier, such as the 64-bit number of a customer, can then equal the identifier of a
// different customer. Use a field of type int64 or uint64, which are exact, or keep the text of
// the number in a field of type json.RawMessage (package encoding/json). In a map, use
// map[string]json.RawMessage in place of map[string]any.
//
// If the type of a claim differs from the type of its field in T, the token is refused
// with [InvalidCustom]. If Validate returns an error, the token is refused with the reason
// in this error. If this error contains no reason, the token is refused with
// InvalidCustom.
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

// JSONAt returns a function that decodes one claim into a T, in the same way as [JSON]
// decodes the whole claims set. Set Config.Custom to the returned function:
//
//	Custom: bearer.JSONAt[Deployer]("custom_claims"),
//
// [Profile] describes how to write the name of the claim. If the name is invalid, [New]
// returns an error. A token is refused with [InvalidCustom] if the claim is missing or
// null.
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
		if value == "" || value == "null" { // without this check, null decodes to the zero T, whose values the issuer did not sign
			return nil, missingClaim(path, value)
		}
		return JSON[T]([]byte(value))
	}
}

// missingClaim returns the error for a claim that is missing or null.
func missingClaim(path claim.Path, value string) error {
	text := fmt.Sprintf("the claim %q is missing or null", path)
	if value == "" {
		text += claim.Hint{Path: &path}.String()
	}
	return errors.New(text)
}

// invalidDecoder is the decoder that JSONAt returns for an invalid name of a claim. It
// returns an error for every token.
type invalidDecoder struct{ err error }

func (d invalidDecoder) decode([]byte) (any, error) {
	return nil, &Error{Reason: Internal, Err: d.err}
}

// configError returns the error of an invalidDecoder. It returns nil for any other
// decoder. It does not call a user's decoder, because this decoder may expect that its
// argument always comes from a token.
func configError(decode func([]byte) (any, error)) error {
	if decode == nil || reflect.ValueOf(decode).Pointer() != reflect.ValueOf(invalidDecoder{}.decode).Pointer() {
		return nil
	}
	_, err := decode(nil)
	return errors.Unwrap(err)
}

// withCloneCheck returns a decoder that calls decode. If the decoded value has a method
// Clone, the decoder also calls Clone. So the token is refused if Clone panics. Without
// this check, the verifier accepts the token, and then [Custom] reports false in every
// request, because Clone panics.
func withCloneCheck(decode func([]byte) (any, error)) func([]byte) (any, error) {
	if decode == nil {
		return nil
	}
	return func(claims []byte) (any, error) {
		v, err := decode(claims)
		if err != nil || v == nil {
			return v, err
		}
		if clone, ok := cloneMethod(v); ok {
			clone.Call(nil)
		}
		return v, nil
	}
}

// cloneMethod returns the method Clone of v. It reports false if v has no such method, or if
// the function [Custom] does not call the method, because it has arguments, or because it returns
// neither the type of v nor, for a pointer v, the type that v points to. The result may also be an
// interface, because Custom can be called with this interface.
func cloneMethod(v any) (reflect.Value, bool) {
	value := reflect.ValueOf(v)
	clone := value.MethodByName("Clone")
	if !clone.IsValid() || clone.Type().NumIn() != 0 || clone.Type().NumOut() != 1 {
		return clone, false
	}
	result := clone.Type().Out(0)
	switch {
	case value.Kind() == reflect.Pointer && result == value.Type().Elem():
		return clone, !value.IsNil() // a method of the value that v points to
	case result.Kind() == reflect.Interface:
		return clone, value.Type().Implements(result)
	}
	return clone, result == value.Type()
}

// Custom returns the custom claims of the caller's token, which the function in
// Config.Custom decoded. It reports false if ctx has no custom claims of type T. HTTP
// handlers and gRPC handlers can call it.
//
// If the function in Config.Custom returns a struct, Custom can also return a pointer to the
// struct, and vice versa. So with bearer.JSON[Deployer], both Custom[Deployer] and
// Custom[*Deployer] return the claims.
//
// Custom returns a copy, so that a handler cannot change the claims of the next request
// with the same token. If T has a method Clone() T, Custom calls this method. Otherwise
// Custom makes a deep copy.
//
// Some values cannot be copied, for example a value with a channel, or a value with an
// unexported field that points to other memory. Custom decodes such a value again from the
// token. If the value cannot be decoded, or comes from [Claims.WithCustom],
// Custom reports false.
func Custom[T any](ctx context.Context) (custom T, ok bool) {
	claims, ok := FromContext(ctx)
	if !ok {
		return custom, false
	}
	set := claims.all()
	decoded := set.custom
	given, isGiven := decoded.(givenCustom)
	if isGiven {
		decoded = given.value
	}
	if !isConvertible[T](decoded) {
		return custom, false
	}
	defer func() {
		if p := recover(); p != nil { // a panic of Clone or Config.Custom must not reach the handler
			var none T
			custom, ok = none, false
		}
	}()
	if c, ok := decoded.(interface{ Clone() T }); ok {
		return c.Clone(), true
	}
	if deepcopy.Flat(reflect.TypeOf(decoded)) {
		return convert[T](decoded)
	}
	if clone, ok := cloneMethod(decoded); ok && clone.Type().Out(0).Kind() != reflect.Interface {
		return convert[T](clone.Call(nil)[0].Interface())
	}
	if c, ok := deepcopy.Of(reflect.ValueOf(decoded)); ok {
		return convert[T](c.Interface())
	}
	if isGiven {
		return custom, false // the value cannot be decoded from the token
	}
	fresh, err := set.verifier.custom([]byte(set.members.Text()))
	if err != nil {
		return custom, false
	}
	return convert[T](fresh)
}

// isConvertible reports whether v is a T, or a value that a T points to, or a pointer to a T that is
// not nil.
func isConvertible[T any](v any) bool {
	if _, ok := v.(T); ok {
		return true
	}
	if p, ok := v.(*T); ok {
		return p != nil
	}
	return isTarget(v, reflect.TypeFor[T]())
}

// isTarget reports whether the type pointer is a pointer to the type of v. Pointers to pointers do
// not count.
func isTarget(v any, pointer reflect.Type) bool {
	t := reflect.TypeOf(v)
	return t != nil && t.Kind() != reflect.Pointer && pointer.Kind() == reflect.Pointer && pointer.Elem() == t
}

// convert converts a copy of custom claims to a T. The caller must not use the copy afterwards. It
// reports false if [isConvertible] reports false.
func convert[T any](copied any) (v T, ok bool) {
	if v, ok = copied.(T); ok {
		return v, true
	}
	if p, ok := copied.(*T); ok && p != nil {
		return *p, true
	}
	if t := reflect.TypeFor[T](); isTarget(copied, t) {
		p := reflect.New(t.Elem())
		p.Elem().Set(reflect.ValueOf(copied))
		v, ok = p.Interface().(T)
	}
	return v, ok
}
