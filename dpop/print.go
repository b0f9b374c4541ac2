package dpop

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

func (o Options) text() string {
	return quote.Struct("dpop.Options", "Origins", o.Origins, "InsecureAnyOrigin", o.InsecureAnyOrigin, "InsecureHTTP", o.InsecureHTTP,
		"Algorithms", o.Algorithms, "MaxAge", o.MaxAge, "Leeway", o.Leeway, "Replays", o.Replays, "SkipReplays", o.SkipReplays,
		"InsecureAcceptWithoutReplays", o.InsecureAcceptWithoutReplays, "NonceKeys", quote.Redacted(len(o.NonceKeys), "key"),
		"NoncePeriod", o.NoncePeriod)
}

// Format implements [fmt.Formatter]. Every verb prints the same text, which contains the number of
// NonceKeys, but not the keys.
func (o Options) Format(s fmt.State, verb rune) { quote.Print(s, verb, o.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that the keys
// do not get into JSON or into a log.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.text()), nil }
