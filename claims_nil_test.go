package bearer_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestNilClaims calls every method of a nil *Claims. A handler gets a nil *Claims if it ignores the
// second result of FromContext on a route without a guard. The result must be the result of the
// zero Claims: no subject, no scope and no claim. A panic in a handler ends a gRPC server.
func TestNilClaims(t *testing.T) {
	forgotten, ok := bearer.FromContext(t.Context())
	if ok || forgotten != nil {
		t.Fatalf("context without claims: got claims %v and ok=%v, want nil and ok=false", forgotten, ok)
	}
	args := map[string][]any{"BoundTo": {"jkt"}, "Value": {"sub"}, "Decode": {&map[string]any{}}, "WithCustom": {42}}
	methods := reflect.TypeFor[*bearer.Claims]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if name == "String" || name == "LogValue" {
			continue // their result for nil is "<nil>"; see internal/conformance TestPrintedText
		}
		got, want := callMethod(t, forgotten, name, args[name]), callMethod(t, new(bearer.Claims), name, args[name])
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s of a nil *Claims: got %v, want %v, as for the zero Claims", name, got, want)
		}
	}
	if err := forgotten.Decode(&struct{}{}); err == nil {
		t.Error("Decode of a nil *Claims: got no error, want one")
	}
	if got, ok := bearer.Custom[int](bearer.NewContext(t.Context(), forgotten.WithCustom(42))); !ok || got != 42 {
		t.Errorf("WithCustom of a nil *Claims: got custom claims %v and ok=%v, want 42 and ok=true", got, ok)
	}
}

// callMethod returns the results of a method. The text of an error replaces the error, and the
// printed form of Claims replaces the Claims.
func callMethod(t *testing.T, claims *bearer.Claims, name string, args []any) (results []any) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s of %v: got panic %v, want none", name, claims, p)
		}
	}()
	var in []reflect.Value
	for _, arg := range args {
		in = append(in, reflect.ValueOf(arg))
	}
	for _, result := range reflect.ValueOf(claims).MethodByName(name).Call(in) {
		switch v := result.Interface().(type) {
		case error:
			results = append(results, v.Error())
		case *bearer.Claims:
			results = append(results, v.String())
		default:
			results = append(results, v)
		}
	}
	return results
}

// routerContext is a context of a router, such as *gin.Context: it returns values only for keys of
// type string.
type routerContext struct {
	context.Context //nolint:containedctx // a routerContext is a context
	values          map[string]any
}

func (c routerContext) Value(key any) any {
	name, ok := key.(string)
	if !ok {
		return nil
	}
	return c.values[name]
}

// TestFromRouterContext reads the claims from a context that does not pass keys to the context of
// the request. Package ginbearer sets the string key.
func TestFromRouterContext(t *testing.T) {
	const key = "github.com/bearerkit/bearer.Claims"
	claims, inner := &bearer.Claims{}, new(bearer.Claims)
	router := func(v any) context.Context { return routerContext{t.Context(), map[string]any{key: v}} }
	for _, row := range []struct {
		name string
		ctx  context.Context //nolint:containedctx // the argument of the test
		want *bearer.Claims
	}{
		{"claims", router(claims), claims},
		{"derived context", context.WithValue(router(claims), contextKey{}, 1), claims},
		{"claims of an inner guard", bearer.NewContext(router(claims), inner), inner},
		{"no claims of an inner guard", bearer.NewContext(router(claims), nil), nil},
		{"nil claims", router((*bearer.Claims)(nil)), nil},
		{"no value", router(nil), nil},
		{"value of another type", router("claims"), nil},
		{"claims that are not a pointer", router(bearer.Claims{}), nil},
	} {
		if got, ok := bearer.FromContext(row.ctx); got != row.want || ok != (row.want != nil) {
			t.Errorf("%s: got claims %p and ok=%v, want %p", row.name, got, ok, row.want)
		}
	}
}

type contextKey struct{}
