package interceptor

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

func (g Guard) text() string {
	return quote.Struct("interceptor.Guard", "Verifier", g.verifier, "Rules", len(g.rules.methods)+len(g.rules.services),
		"Observer", g.observer, "ExpireStreams", g.expire, "RecheckStreams", g.recheck, "KeepToken", g.keep)
}

// Format implements [fmt.Formatter]. Every verb prints the verifier, the number of rules and a
// part of the options.
func (g Guard) Format(s fmt.State, verb rune) { quote.Print(s, verb, g.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (g Guard) MarshalText() ([]byte, error) { return []byte(g.text()), nil }
