package nilcheck_test

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/internal/nilcheck"
)

func TestIsNil(t *testing.T) {
	for name, row := range map[string]struct {
		v    any
		want bool
	}{
		"nil":            {nil, true},
		"nil pointer":    {(*http.ServeMux)(nil), true},
		"nil function":   {http.HandlerFunc(nil), true},
		"nil interface":  {http.Handler(nil), true},
		"pointer":        {new(http.ServeMux), false},
		"function":       {http.NotFoundHandler(), false},
		"value":          {struct{}{}, false},
		"empty string":   {"", false},
		"pointer to nil": {new(*http.ServeMux), false},
	} {
		if got := nilcheck.IsNil(row.v); got != row.want {
			t.Errorf("IsNil(%s): got %v, want %v", name, got, row.want)
		}
	}
}

func TestHasNil(t *testing.T) {
	mux := http.Handler(new(http.ServeMux))
	for name, row := range map[string]struct {
		v    any
		want bool
	}{
		"nil":                     {nil, true},
		"value":                   {mux, false},
		"empty list":              {[]http.Handler{}, true},
		"list":                    {[]http.Handler{mux}, false},
		"list with nil":           {[]http.Handler{mux, nil}, true},
		"list with a nil pointer": {[]http.Handler{(*http.ServeMux)(nil)}, true},
		"nil in a nested list":    {[][]http.Handler{{mux}, {nil}}, true},
	} {
		if got := nilcheck.HasNil(row.v); got != row.want {
			t.Errorf("HasNil(%s): got %v, want %v", name, got, row.want)
		}
	}
}
