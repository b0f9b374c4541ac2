package bearer

import (
	"fmt"
	"log/slog"

	"github.com/bearerkit/bearer/internal/quote"
)

// LogValue implements [slog.LogValuer]. It returns only the issuer, the subject, the client
// identifier, the token identifier, and the values to which the token is bound, such as the thumbprint
// of the client's key ("jkt"). Each value is cut at 64 bytes. For a nil *Claims, it
// returns the text "<nil>".
func (c *Claims) LogValue() slog.Value {
	if c == nil {
		return slog.StringValue("<nil>")
	}
	set := c.all()
	attrs := []slog.Attr{
		slog.String("iss", quote.Cut(set.issuer)),
		slog.String("sub", quote.Cut(set.subject)),
		slog.String("client_id", quote.Cut(set.clientID)),
		slog.String("jti", quote.Cut(set.id)),
	}
	if set.verifier != nil {
		for _, member := range membersOf(set.verifier.accepts) {
			if value := c.BoundTo(member); value != "" {
				attrs = append(attrs, slog.String(member, quote.Cut(value)))
			}
		}
	}
	return slog.GroupValue(attrs...)
}

// String returns the subject, the issuer and the client identifier. It omits all other
// claims, so that a program that prints Claims does not reveal the other claims. For a nil
// *Claims, it returns "<nil>".
func (c *Claims) String() string {
	if c == nil {
		return "<nil>"
	}
	set := c.all()
	return fmt.Sprintf("%q of %q, client %q", quote.Cut(set.subject), quote.Cut(set.issuer), quote.Cut(set.clientID))
}

// maxRuleText is the maximum number of bytes of a rule in a printed Request.
const maxRuleText = 256

// text returns the printed form of a Request. It contains only the number of the values of
// Authorization.
func (r Request) text() string {
	rule := ""
	if !r.Rule.IsZero() {
		rule = quote.EscapeTo(r.Rule.String(), maxRuleText)
	}
	return quote.Struct("bearer.Request", "Transport", r.Transport, "Route", r.Route, "Authorization", quote.Redacted(len(r.Authorization), "value"),
		"Method", r.Method, "Proofs", quote.Redacted(len(r.Proofs), "value"),
		"Rule", quote.Verbatim(rule), "NoRule", r.NoRule, "Observer", r.Observer)
}

// Format implements [fmt.Formatter]. Every verb prints the same text, which contains the
// number of the values of Authorization, but not the values.
func (r Request) Format(s fmt.State, verb rune) { quote.Print(s, verb, r.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that
// the token does not get into JSON or into a log.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.text()), nil }

func (v JWTVerifier) text() string {
	profile := ""
	if v.profile != nil {
		profile = v.profile.name
	}
	return quote.Struct("bearer.JWTVerifier", "Issuer", v.issuer, "Audience", v.audience, "Profile", profile,
		"Keys", v.keys, "Observer", v.observer)
}

// Format implements [fmt.Formatter]. Every verb prints the issuer and other parts of the
// configuration.
func (v JWTVerifier) Format(s fmt.State, verb rune) { quote.Print(s, verb, v.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (v JWTVerifier) MarshalText() ([]byte, error) { return []byte(v.text()), nil }

func (s *Issuers) text() string {
	text := "<nil>"
	if s != nil {
		text = quote.Struct("bearer.Issuers", "Issuers", s.table().issuers(), "Observer", s.Observer)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the number of issuers and some of
// their names.
func (s *Issuers) Format(state fmt.State, verb rune) { quote.Print(state, verb, s.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (s *Issuers) MarshalText() ([]byte, error) { return []byte(s.text()), nil }

func (o *LogObserver) text() string {
	text := "<nil>"
	if o != nil {
		text = quote.Struct("bearer.LogObserver", "Level", levelText(o.level), "Audit", levelText(o.audit), "Burst", o.burst, "Interval", o.interval)
	}
	return text
}

// Format implements [fmt.Formatter]. Every verb prints the options.
func (o *LogObserver) Format(s fmt.State, verb rune) { quote.Print(s, verb, o.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (o *LogObserver) MarshalText() ([]byte, error) { return []byte(o.text()), nil }

func levelText(level slog.Leveler) quote.Verbatim {
	if level == nil {
		return ""
	}
	return quote.Verbatim(level.Level().String())
}

// Format implements [fmt.Formatter]. Without this method, verbs such as %#v print the
// arguments, which may be long values of a token.
func (d *detail) Format(s fmt.State, verb rune) { quote.Print(s, verb, d.Error()) }

// String returns the text of the parent context and the name of the claims' type. Without this
// method, package fmt reads the fields while other goroutines change them.
func (c *call) String() string { return fmt.Sprint(c.Context) + ".WithValue(*bearer.Claims)" }

// Format implements [fmt.Formatter]. Without this method, verbs that do not call String can print
// values of the parent context.
func (c *call) Format(s fmt.State, verb rune) { quote.Print(s, verb, c.String()) }
