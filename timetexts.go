package bearer

import (
	"fmt"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// clockAhead returns jwks.Status.ClockAhead of the issuer's keys, or zero if it is unknown. If there
// are several sources, the source of the argument key counts. If key is nil because no key verified
// the signature, all sources must agree.
func (v *JWTVerifier) clockAhead(key *jwks.Key) (ahead time.Duration) {
	switch keys := v.keys.(type) {
	case *jwks.Cache:
		return keys.Status().ClockAhead
	case *jwks.Sources:
		first := true
		for _, status := range keys.Status() {
			next := status.ClockAhead
			switch {
			case key != nil && status.Source != key.Source():
			case first:
				ahead, first = next, false
			case (next > 0) != (ahead > 0) || (next < 0) != (ahead < 0):
				return 0
			case next.Abs() < ahead.Abs():
				ahead = next
			}
		}
	}
	return ahead
}

// wrongClock is a part of a refusal because of a time. It names a wrong clock of this machine, and
// reads the state of the keys only when a caller reads the text.
type wrongClock struct {
	verifier *JWTVerifier
	key      *jwks.Key // may be nil
	behind   bool      // a clock that is behind explains the refusal; otherwise a clock that is ahead
}

// String returns a text to append to the detail. It is empty if the clock is not known to be wrong.
func (w wrongClock) String() string {
	if text := w.sentence(); text != "" {
		return "; " + text
	}
	return ""
}

// sentence returns the text without punctuation, or "".
func (w wrongClock) sentence() string {
	ahead, direction := w.verifier.clockAhead(w.key), "ahead of"
	if w.behind {
		ahead, direction = -ahead, "behind"
	}
	if ahead <= 0 {
		return ""
	}
	return fmt.Sprintf("this machine's clock is about %v %s the issuer's clock (the Date of the issuer's answers)", ahead, direction)
}

// wrongClock returns the sentence of an advice about a wrong clock, with the time at which the
// issuer's clock is now. The sentence is empty if the clock is not known to be wrong.
func (e *explainer) wrongClock(behind bool) (sentence string, issuerNow time.Time) {
	key := e.t.entry.Value.key
	text := wrongClock{e.v, key, behind}.sentence()
	if text == "" {
		return "", e.now
	}
	return "T" + text[1:] + ". ", e.now.Add(-e.v.clockAhead(key))
}

const (
	adviceSetClock = "By the issuer's clock, the token is valid now. Correct this machine's clock: check NTP."
	adviceClocks   = "Compare the clocks: this machine's clock is behind, or the issuer's clock is ahead. Check NTP on this machine first."
)

// adviseStart returns the advice for nbf and iat.
func (e *explainer) adviseStart(Reason) string {
	sentence, issuerNow := e.wrongClock(true)
	latest, c := issuerNow.Add(skew+e.v.leeway), e.t.claims()
	if sentence != "" && !c.notBefore.time().After(latest) && !c.issuedAt.time().After(latest) {
		return sentence + adviceSetClock
	}
	return sentence + adviceClocks
}

// adviseAge returns the advice for Config.MaxAge.
func (e *explainer) adviseAge(Reason) string {
	sentence, issuerNow := e.wrongClock(false)
	if sentence != "" && issuerNow.Sub(e.t.claims().issuedAt.time()) <= e.v.maxAge {
		return sentence + adviceSetClock
	}
	return sentence + adviceLife
}

// The functions below return the texts about times, in refusals and in the table of checks.

// leewayText formats Config.Leeway for the detail of a refusal. If it is zero, the text is empty.
type leewayText time.Duration

// String returns a text to append to the detail.
func (l leewayText) String() string {
	if l == 0 {
		return ""
	}
	return fmt.Sprintf(", more than %v ago (Config.Leeway)", time.Duration(l))
}

// toleranceText formats the tolerance of "nbf" and "iat" for the detail of a refusal.
type toleranceText time.Duration

// String returns the tolerance. If it includes Config.Leeway, the text names this field.
func (d toleranceText) String() string {
	if d == toleranceText(skew) {
		return "60 s"
	}
	return time.Duration(d).String() + " (60 s and Config.Leeway)"
}

// clockText formats the time that is d after the current time of this machine's clock.
func (e *explainer) clockText(d time.Duration) string { return date(e.now.Add(d)).String() }

// timeText formats a time claim and the distance between this time and now.
func (e *explainer) timeText(name string, at time.Time) string {
	if at.IsZero() {
		return "no " + name
	}
	distance := "in " + at.Sub(e.now).Round(time.Second).String()
	if !at.After(e.now) {
		distance = e.now.Sub(at).Round(time.Second).String() + " ago"
	}
	return fmt.Sprintf("%s %v, %s", name, date(at), distance)
}

func (e *explainer) wantExpiry() string {
	if e.v.leeway > 0 {
		return fmt.Sprintf("exp after %v, which is %v behind this machine's clock (Config.Leeway)", e.clockText(-e.v.leeway), e.v.leeway)
	}
	return "exp after " + e.clockText(0) + ", which is the time on this machine"
}

func (e *explainer) gotExpiry() string { return e.timeText("exp", e.t.claims().expiresAt) }

func (e *explainer) adviseExpiry(reason Reason) string {
	if reason == InvalidClaims {
		return "Configure the issuer to set exp, because a token without exp never expires and is refused."
	}
	sentence, issuerNow := e.wrongClock(false)
	switch exp := e.t.claims().expiresAt; {
	case sentence != "" && issuerNow.Before(exp.Add(e.v.leeway)):
		return sentence + adviceSetClock
	case sentence != "":
		return sentence + "By the issuer's clock, the token has expired too. The client must fetch a new token before the old token expires. Also correct this machine's clock: check NTP."
	case e.now.Sub(exp) < time.Minute:
		return "The token expired less than 1 minute ago. The client must fetch a new token before the old token expires. Also compare this machine's clock with the issuer's clock."
	}
	return "The client must fetch a new token before the old token expires. If the token is new, compare this machine's clock with the issuer's clock: this machine's clock may be ahead."
}

// latest formats the latest time that nbf and iat may have.
func (e *explainer) latest() string {
	distance := "1 minute"
	if e.v.leeway > 0 {
		distance = toleranceText(skew + e.v.leeway).String()
	}
	return e.clockText(skew+e.v.leeway) + ", which is " + distance + " ahead of this machine's clock"
}

func (e *explainer) wantNotBefore() string {
	return "no nbf, or nbf not after " + e.latest()
}

func (e *explainer) gotNotBefore() string { return e.timeText("nbf", e.t.claims().notBefore.time()) }

func (e *explainer) wantIssuedAt() string {
	return "no iat, or iat not after " + e.latest()
}

func (e *explainer) gotIssuedAt() string { return e.timeText("iat", e.t.claims().issuedAt.time()) }

func (e *explainer) wantLifetime() string {
	switch {
	case e.v.maxLifetime > 0:
		return "exp at most " + e.v.maxLifetime.String() + " after iat"
	case e.v.maxAge > 0:
		return "iat, because Config.MaxAge is set"
	default:
		return "any"
	}
}

func (e *explainer) gotLifetime() string {
	switch c := e.t.claims(); {
	case c.issuedAt.time().IsZero() && e.v.maxLifetime+e.v.maxAge > 0:
		return "no iat"
	case e.v.maxLifetime == 0:
		return "no limit"
	default:
		return c.expiresAt.Sub(c.issuedAt.time()).String()
	}
}

func (e *explainer) wantAge() string {
	if e.v.maxAge == 0 {
		return "any"
	}
	return "iat within the last " + e.v.maxAge.String()
}

func (e *explainer) gotAge() string {
	switch issuedAt := e.t.claims().issuedAt.time(); {
	case e.v.maxAge == 0:
		return "no limit"
	case issuedAt.IsZero():
		return "no iat"
	default:
		return e.now.Sub(issuedAt).Round(time.Second).String()
	}
}
