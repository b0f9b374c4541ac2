package bearertest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bearerkit/bearer/internal/quote"
)

// text returns the printed form of a Client.
func (c Client) text() string {
	secret := ""
	if c.Secret != "" {
		secret = "set (redacted)"
	}
	return quote.Struct("bearertest.Client", "ID", c.ID, "Secret", quote.Verbatim(secret), "Scopes", c.Scopes, "Audience", c.Audience,
		"Lifetime", c.Lifetime, "Claims", quote.Redacted(len(c.Claims), "claim"), "RequireBound", c.RequireBound)
}

// Format implements [fmt.Formatter]. Every verb prints the same text, which does not
// contain the values of Secret and Claims.
func (c Client) Format(s fmt.State, verb rune) { quote.Print(s, verb, c.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so
// that Secret does not get into JSON or into a log.
func (c Client) MarshalText() ([]byte, error) { return []byte(c.text()), nil }

func (i *Issuer) text() string {
	text := "<nil>"
	if i != nil {
		i.mu.Lock()
		clients, keys := slices.Sorted(maps.Keys(i.clients)), []string{}
		for _, key := range i.keys.published {
			keys = append(keys, key.id+" "+key.alg)
		}
		i.mu.Unlock()
		text = quote.Struct("bearertest.Issuer", "Issuer", i.url, "Keys", keys, "Clients", clients)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the issuer identifier, the
// published keys and the IDs of the clients.
func (i *Issuer) Format(s fmt.State, verb rune) { quote.Print(s, verb, i.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (i *Issuer) MarshalText() ([]byte, error) { return []byte(i.text()), nil }
