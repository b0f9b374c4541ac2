package conformance_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// hidden is a value of a user's type that implements all interfaces of this module, and whose
// methods hide its secret.
type hidden struct{ secret string }

func (hidden) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("hidden")) }

func (hidden) MarshalText() ([]byte, error)                           { return []byte("hidden"), nil }
func (hidden) Observe(context.Context, bearer.Event)                  {}
func (hidden) Status() []bearer.IssuerStatus                          { return nil }
func (hidden) Lookup(string, string) ([]*jwks.Key, error)             { return nil, jwks.ErrUnknownKey }
func (hidden) Load(context.Context) ([]byte, error)                   { return nil, errHidden }
func (hidden) Save(context.Context, []byte) error                     { return errHidden }
func (hidden) RoundTrip(*http.Request) (*http.Response, error)        { return nil, errHidden }
func (hidden) ServeHTTP(http.ResponseWriter, *http.Request)           {}
func (hidden) Seen(context.Context, string, time.Time) (bool, error)  { return false, errHidden }
func (hidden) Level() slog.Level                                      { return 0 }
func (hidden) Enabled(context.Context, slog.Level) bool               { return true }
func (hidden) Handle(context.Context, slog.Record) error              { return nil }
func (h hidden) WithAttrs([]slog.Attr) slog.Handler                   { return h }
func (h hidden) WithGroup(string) slog.Handler                        { return h }
func (hidden) GetServiceInfo() map[string]grpc.ServiceInfo            { return nil }
func (hidden) Verify(context.Context, string) (*bearer.Claims, error) { return nil, errHidden }

func (hidden) SetServingStatus(string, grpc_health_v1.HealthCheckResponse_ServingStatus) {}

func (hidden) Key(context.Context, string, string, ...*jwks.Key) ([]*jwks.Key, error) {
	return nil, jwks.ErrUnknownKey
}

var errHidden = errors.New("hidden")

// contextKey is the key of a context value.
type contextKey struct{}

// The method fill stores secrets in all strings that v contains. The argument field is the name
// of v. It fails the test if it does not know how to fill a type, so that no part of a new type
// stays empty.
func (s *secretFiller) fill(t *testing.T, v reflect.Value, field string) {
	t.Helper()
	if made := s.made(v.Type(), field); made != nil {
		v.Set(reflect.ValueOf(made))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s.text(field))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Func:
		secret := s.text(field)
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { panic(secret) }))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		s.fill(t, v.Elem(), field)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		s.fill(t, v.Index(0), field)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		s.fill(t, key, field)
		s.fill(t, value, field)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if part := v.Type().Field(i); part.IsExported() && v.Type().PkgPath() != "time" {
				s.fill(t, v.Field(i), joinField(field, part.Name))
			}
		}
	default:
		t.Errorf("%s: got the type %s, which fill does not know", field, v.Type())
	}
}

func joinField(field, part string) string {
	if field == "" {
		return part
	}
	return field + "." + part
}

// The method made returns a value for the types that are not made from their exported fields, or
// nil.
func (s *secretFiller) made(typ reflect.Type, field string) any {
	switch typ {
	case reflect.TypeFor[[]byte]():
		return []byte(s.text(field))
	case reflect.TypeFor[any]():
		return s.text(field)
	case reflect.TypeFor[error]():
		return errors.New(s.text(field))
	case reflect.TypeFor[context.Context]():
		return context.WithoutCancel(context.WithValue(context.Background(), contextKey{}, s.text(field)))
	case reflect.TypeFor[*slog.Logger]():
		return slog.New(&hidden{s.text(field)})
	case reflect.TypeFor[scopes.Rule]():
		return scopes.All(s.text(field))
	case reflect.TypeFor[*bearer.Claims]():
		return s.claims(field)
	case reflect.TypeFor[*jwks.Key]():
		return s.keys(field).Keys()[0]
	}
	if typ.Kind() == reflect.Interface {
		return hidden{s.text(field)}
	}
	return nil
}

// The method claims returns claims with secrets in all places.
func (s *secretFiller) claims(field string) *bearer.Claims {
	set := fmt.Appendf(nil, `{"iss":%q,"sub":%q,"client_id":%q,"jti":%q,"aud":[%q],"scope":%q,"roles":[%q],"email":%q,"exp":4000000000}`,
		s.text(field+" iss"), s.text(field+" sub"), s.text(field+" client_id"), s.text(field+" jti"), s.text(field+" aud"),
		s.text(field+" scope"), s.text(field+" roles"), s.text(field+" email"))
	claims, err := bearer.Profile{Roles: []string{"roles"}}.Claims(set)
	if err != nil {
		panic(err)
	}
	return claims.WithCustom(struct{ Tenant string }{s.text(field + " custom")})
}

// The method keys returns a key set with a secret as the kid.
func (s *secretFiller) keys(field string) *jwks.Set {
	set, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA","kid":%q}]}`, s.text(field)))
	if err != nil {
		panic(err)
	}
	return set
}

// secretKey returns a private key whose seed is a secret.
func secretKey(s *secretFiller) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(s.text("private key"), 2))[:ed25519.SeedSize])
}

// asError is errors.As for a *bearer.Error.
func asError(err error, target **bearer.Error) bool { return errors.As(err, target) }
