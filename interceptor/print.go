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

func (w *HealthWatch) text() string {
	text := "<nil>"
	if w != nil {
		text = quote.Struct("interceptor.HealthWatch", "Server", w.server, "Source", w.source, "Services", w.services, "AnyIssuer", w.anyIssuer)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the services and the types of the server
// and of the source.
func (w *HealthWatch) Format(s fmt.State, verb rune) { quote.Print(s, verb, w.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (w *HealthWatch) MarshalText() ([]byte, error) { return []byte(w.text()), nil }
