package tracing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/bearerkit/bearer/tracing"
)

// provider is a TracerProvider of a user that contains a secret and hides it.
type provider struct {
	noop.TracerProvider
	secret string
}

// Tracer returns a tracer that contains the secret too.
func (p provider) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return tracer{secret: p.secret}
}

// Format implements [fmt.Formatter].
func (provider) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("provider")) }

type tracer struct {
	noop.Tracer
	secret string
}

// TestPrint tests that printed Options and a printed Tracer do not show what the types of the user
// hide. The test TestPrintedTypes in internal/conformance names this file.
func TestPrint(t *testing.T) {
	const secret = "the secret"
	opts := tracing.Options{Claims: []string{"org", "client_id"}, TracerProvider: provider{secret: secret}}
	tr, err := tracing.New(&opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{opts, &opts, tr, *tr, []any{tr, *tr}, map[string]any{"a": tr}, struct{ Tracer any }{tr}, (*tracing.Tracer)(nil), (*tracing.Options)(nil)} {
		for _, verb := range "vsqxXdbcoOUeEfFgGt" {
			for _, flag := range []string{"", "+", "#", " "} {
				text := fmt.Sprintf("%"+flag+string(verb), v)
				for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret), fmt.Sprintf("% X", secret)} {
					if strings.Contains(text, form) {
						t.Errorf("%%%s%c of a %T: got the secret in %q, want none", flag, verb, v, text)
					}
				}
			}
		}
	}
	if got, err := json.Marshal([]any{tr, *tr, (*tracing.Tracer)(nil)}); err != nil || string(got) != `["tracing.Tracer{Claims: [\"client_id\" \"org\"]}","tracing.Tracer{Claims: [\"client_id\" \"org\"]}",null]` {
		t.Errorf("JSON: got %s, %v, want the text of Format", got, err)
	}
	if got, want := fmt.Sprint(tr), `tracing.Tracer{Claims: ["client_id" "org"]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
