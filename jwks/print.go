package jwks

import (
	"fmt"

	"github.com/bearerkit/bearer/internal/quote"
)

// text returns the printed form of Options.
func (o Options) text() string {
	key := ""
	if len(o.StoreKey) > 0 {
		key = "set (redacted)"
	}
	var origins []string
	for _, text := range o.AuthorizationOrigins {
		origins = append(origins, redact(text))
	}
	roots := ""
	if o.RootCAs != nil {
		roots = "set"
	}
	return quote.Struct("jwks.Options", "Issuer", redact(o.Issuer), "MetadataURL", redact(o.MetadataURL), "MetadataIssuer", redact(o.MetadataIssuer),
		"KeysURL", redact(o.KeysURL), "Transport", o.Transport, "Timeout", o.Timeout, "InsecureHTTP", o.InsecureHTTP, "RefusePrivateAddresses", o.RefusePrivateAddresses,
		"RootCAs", quote.Verbatim(roots), "RootCAFile", o.RootCAFile, "ClientCertificate", o.ClientCertificate,
		"AuthorizationFile", o.AuthorizationFile, "AuthorizationOrigins", origins,
		"MinInterval", o.MinInterval, "MaxInterval", o.MaxInterval, "MaxStale", o.MaxStale, "RefuseOldAnswers", o.RefuseOldAnswers,
		"CoolDown", o.CoolDown, "RefuseNotAsked", o.RefuseNotAsked, "OnDemand", o.OnDemand,
		"Limits", quote.Verbatim(o.Limits.text()), "MaxKeysPerID", o.MaxKeysPerID, "MaxRSACost", o.MaxRSACost,
		"Store", o.Store, "StoreKey", quote.Verbatim(key), "Logger", o.Logger, "Observe", o.Observe)
}

// Format implements [fmt.Formatter]. Every verb prints the same text. In the text, StoreKey and
// the values of queries in URLs are left out.
func (o Options) Format(s fmt.State, verb rune) { quote.Print(s, verb, o.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that
// StoreKey does not get into JSON or into a log.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.text()), nil }

func (l *Limits) text() string {
	if l == nil {
		return ""
	}
	return quote.Struct("jwks.Limits", "MaxFetches", l.MaxFetches, "MaxBytesPerSecond", l.MaxBytesPerSecond)
}

// Format implements [fmt.Formatter]. Every verb prints the exported fields.
func (l *Limits) Format(s fmt.State, verb rune) {
	text := "<nil>"
	if l != nil {
		text = l.text()
	}
	quote.Print(s, verb, text)
}

func (c *Cache) text() string {
	text := "<nil>"
	switch {
	case c == nil:
	case c.core == nil: // the zero Cache
		text = "jwks.Cache{}"
	default:
		now := c.Status()
		text = quote.Struct("jwks.Cache", "Issuer", now.Issuer, "URL", now.URL, "Ready", now.Ready, "Stale", now.Stale, "Restored", now.Restored,
			"Keys", len(now.Keys), "Skipped", len(now.Skipped), "Failures", now.Failures, "Age", now.Age)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the name of the issuer and a part of
// [Cache.Status].
func (c *Cache) Format(s fmt.State, verb rune) { quote.Print(s, verb, c.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (c *Cache) MarshalText() ([]byte, error) { return []byte(c.text()), nil }

// maxErrorText is the maximum number of bytes of an error in a printed Event.
const maxErrorText = 512

// Format implements [fmt.Formatter]. Every verb prints the fields, except the values in Cause.
// They are values of a request, and may be secret.
func (e Event) Format(s fmt.State, verb rune) {
	failure, cause := "", ""
	if e.Err != nil {
		failure = quote.EscapeTo(quote.Line(e.Err.Error()), maxErrorText)
	}
	if e.Cause != nil {
		cause = "set"
	}
	skipped := ""
	if e.Kind == KeySkipped || e.SkippedKey != (Skipped{}) {
		skipped = quote.Struct("jwks.Skipped", "Index", e.SkippedKey.Index, "ID", e.SkippedKey.ID, "Private", e.SkippedKey.Private, "Reason", e.SkippedKey.Reason)
	}
	quote.Print(s, verb, quote.Struct("jwks.Event", "Kind", e.Kind, "Issuer", e.Issuer, "Cause", quote.Verbatim(cause), "Duration", e.Duration,
		"Keys", e.Keys, "SkippedCount", e.SkippedCount, "SkippedKey", quote.Verbatim(skipped), "Err", quote.Verbatim(failure)))
}
