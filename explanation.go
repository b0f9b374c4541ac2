package bearer

import (
	"fmt"
	"strings"
	"time"
)

// Explanation is a verdict with the result of every check. [Explain] returns one. Its JSON
// form is for programs, and the result of String is for people. Both quote values of the
// token, escaped and cut, and never the signature.
type Explanation struct {
	// Reason is the reason of the refusal; empty if the request is allowed.
	Reason Reason `json:"reason"`
	// Detail is the text of the error, or empty.
	Detail string `json:"detail,omitempty"`
	// Time is the time of this machine's clock, by which the token's times are checked.
	Time time.Time `json:"time"`
	// Issuer is the configured issuer of the token; empty if no configured issuer matches.
	Issuer string `json:"issuer,omitempty"`
	// Profile is the name of the issuer's profile.
	Profile string `json:"profile,omitempty"`
	// Fits lists the profiles of this package that accept a token of this form, if the
	// configured profile does not.
	Fits []string `json:"fits,omitempty"`
	// KeyID is "kid". KeyID, Algorithm, Type, ClientID and TokenID are values of the token,
	// which may be forged.
	KeyID string `json:"kid,omitempty"`
	// Algorithm is "alg".
	Algorithm string `json:"alg,omitempty"`
	// Type is "typ".
	Type string `json:"typ,omitempty"`
	// ClientID is the client identifier, from the claim that the profile names.
	ClientID string `json:"client_id,omitempty"`
	// TokenID is "jti".
	TokenID string `json:"jti,omitempty"`
	// Checks lists every check in the order of the verdict. The first check that failed
	// determines Reason.
	Checks []CheckResult `json:"checks"`
}

// CheckResult is one check of an [Explanation].
type CheckResult struct {
	// Name is the name of the check, from a fixed set.
	Name string `json:"name"`
	// Section is the source of the check: sections of RFCs, a field of [Config], or the Go
	// type of a [Verifier] of another package. It is empty for a public rule.
	Section string `json:"section"`
	// State is "passed", "failed", "waived" (the check failed, but the rule is optional or
	// report-only and allows the request), or "skipped" (the check was not possible; Got is
	// the reason).
	State string `json:"state"`
	// Want is what the check requires.
	Want string `json:"want"`
	// Got is what the check found.
	Got string `json:"got"`
	// Reason is the reason of the refusal; empty unless the check failed or was waived.
	Reason Reason `json:"reason,omitempty"`
	// Advice is what to do; empty unless the check failed or was waived.
	Advice string `json:"advice,omitempty"`
}

// The states of a check.
const (
	passed  = "passed"
	failed  = "failed"
	waived  = "waived"
	skipped = "skipped"
)

// String returns the explanation as lines of text.
func (x *Explanation) String() string {
	var b strings.Builder
	if x.Reason == "" {
		b.WriteString("allowed\n")
	} else {
		fmt.Fprintf(&b, "refused: %s\n", x.Reason)
	}
	line := func(name string, values ...string) {
		values = nonEmpty(values)
		if len(values) > 0 {
			fmt.Fprintf(&b, "  %-10s%s\n", name, strings.Join(values, ", "))
		}
	}
	var names []string
	for _, c := range x.Checks {
		if c.State == failed {
			names = append(names, c.Name)
		}
	}
	line("failed", names...)
	if len(names) == 0 {
		line("because", x.Detail)
	}
	line("token", label("kid ", x.KeyID), label("alg ", x.Algorithm), label("typ ", x.Type), label("client ", x.ClientID), label("jti ", x.TokenID))
	line("verifier", label("issuer ", x.Issuer), label("profile ", x.Profile))
	line("clock", x.Time.UTC().Format(time.RFC3339)+" on this machine")
	if len(x.Fits) > 0 {
		line("profiles", "the token has the form of "+strings.Join(x.Fits, " or ")+": see Config.Profile")
	}
	b.WriteString("\n")
	for _, c := range x.Checks {
		c.write(&b)
	}
	return b.String()
}

func (c *CheckResult) write(b *strings.Builder) {
	mark := map[string]string{passed: "ok", failed: "FAIL", waived: "waive", skipped: "skip"}[c.State]
	fmt.Fprintf(b, "  %-6s%-22s%s\n", mark, c.Name, c.Got)
	if c.State == passed || c.State == skipped {
		return
	}
	for _, more := range []struct{ name, text string }{{"want", c.Want}, {"see", c.Section}, {"do", c.Advice}} {
		if more.text != "" {
			fmt.Fprintf(b, "        %-6s%s\n", more.name, more.text)
		}
	}
}

func label(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

func nonEmpty(values []string) []string {
	var some []string
	for _, v := range values {
		if v != "" {
			some = append(some, v)
		}
	}
	return some
}
