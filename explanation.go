package bearer

import (
	"fmt"
	"strings"
	"time"
)

// Explanation is the decision about a request, with the result of every check. [Explain]
// returns an Explanation. Its JSON form is for programs, and its method String returns a
// text for people. The JSON form and the text quote values of the token, which are escaped
// and cut. They never contain the signature.
type Explanation struct {
	// Reason is the reason of the refusal. It is empty if the request is allowed.
	Reason Reason `json:"reason"`
	// Detail is the text of the refusal's detail. It is empty if there is no detail.
	Detail string `json:"detail,omitempty"`
	// Time is the current time of this machine's clock. The checks compare the times of the
	// token with Time.
	Time time.Time `json:"time"`
	// Issuer is the configured issuer of the token. It is empty if no configured issuer
	// matches.
	Issuer string `json:"issuer,omitempty"`
	// Profile is the name of the issuer's profile.
	Profile string `json:"profile,omitempty"`
	// Fits lists the profiles of this package that accept a token of this form. It is empty if
	// the configured profile accepts the form.
	Fits []string `json:"fits,omitempty"`
	// KeyID is "kid". KeyID, Algorithm, Type, ClientID and TokenID are values of the token,
	// and an attacker may have forged them.
	KeyID string `json:"kid,omitempty"`
	// Algorithm is "alg".
	Algorithm string `json:"alg,omitempty"`
	// Type is "typ".
	Type string `json:"typ,omitempty"`
	// ClientID is the client identifier. The profile names the claim that holds the client
	// identifier.
	ClientID string `json:"client_id,omitempty"`
	// TokenID is "jti".
	TokenID string `json:"jti,omitempty"`
	// Checks lists the checks in the order in which Decide makes them. The first failed check
	// determines Reason.
	Checks []CheckResult `json:"checks"`
}

// CheckResult is one check of an [Explanation].
type CheckResult struct {
	// Name is the name of the check. The names come from a fixed list.
	Name string `json:"name"`
	// Section is the source of the check. The source is a list of sections of RFCs, or a field
	// of [Config]. For a [Verifier] of another package, Section is the Go type of the
	// verifier. For a public rule, Section is empty.
	Section string `json:"section"`
	// State is one of these strings:
	//   - "passed"
	//   - "failed"
	//   - "waived": the check failed, but the rule is optional or report-only and allows the
	//     request
	//   - "skipped": the check was not possible, and Got explains the obstacle
	State string `json:"state"`
	// Want is the requirement of the check.
	Want string `json:"want"`
	// Got is the value that the check found.
	Got string `json:"got"`
	// Reason is the reason of the refusal. It is empty if State is "passed" or "skipped".
	Reason Reason `json:"reason,omitempty"`
	// Advice tells an operator how to fix the failure. It is empty if State is "passed" or
	// "skipped".
	Advice string `json:"advice,omitempty"`
}

// The states of a check.
const (
	passed  = "passed"
	failed  = "failed"
	waived  = "waived"
	skipped = "skipped"
)

// String returns the explanation as several lines of text.
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
		line("profiles", "the token has the form of "+profilesText(x.Fits)+": see Config.Profile")
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
