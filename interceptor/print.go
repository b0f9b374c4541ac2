package interceptor

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

// Format implements [fmt.Formatter]. Every verb prints the verifier, the number of rules and a
// part of the options.
func (g Guard) Format(s fmt.State, verb rune) {
	quote.Print(s, verb, quote.Struct("interceptor.Guard", "Verifier", g.verifier, "Rules", len(g.rules.methods)+len(g.rules.services),
		"Observer", g.observer, "ExpireStreams", g.expire, "RecheckStreams", g.recheck, "KeepToken", g.keep))
}

// Format implements [fmt.Formatter]. Every verb prints the services and the types of the server
// and of the source.
func (w *HealthWatch) Format(s fmt.State, verb rune) {
	text := "<nil>"
	if w != nil {
		text = quote.Struct("interceptor.HealthWatch", "Server", w.server, "Source", w.source, "Services", w.services, "AnyIssuer", w.anyIssuer)
	}
	quote.Print(s, verb, text)
}
