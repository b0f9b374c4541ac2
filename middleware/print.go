package middleware

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

func (g *Guard) text() string {
	text := "<nil>"
	if g != nil {
		text = quote.Struct("middleware.Guard", "Verifier", g.verifier, "Realm", g.opts.Realm, "Resource", g.opts.Resource,
			"Observer", g.opts.Observer, "Dialect", g.opts.Dialect)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the verifier and a part of the options.
func (g *Guard) Format(s fmt.State, verb rune) { quote.Print(s, verb, g.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (g *Guard) MarshalText() ([]byte, error) { return []byte(g.text()), nil }
