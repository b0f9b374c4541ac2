package middleware

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

// Format implements [fmt.Formatter]. Every verb prints the verifier and a part of the options.
func (g *Guard) Format(s fmt.State, verb rune) {
	text := "<nil>"
	if g != nil {
		text = quote.Struct("middleware.Guard", "Verifier", g.verifier, "Realm", g.opts.Realm, "Resource", g.opts.Resource,
			"Observer", g.opts.Observer, "Dialect", g.opts.Dialect)
	}
	quote.Print(s, verb, text)
}
