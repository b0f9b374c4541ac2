package bearer

import (
	"fmt"
	"strings"
	"time"
)

// Explanation is a verdict and how it came about. [Explain] makes one. As JSON it
// is for programs, and its String is for people. It quotes what the token says,
// escaped and cut, and nothing of its signature.
type Explanation struct {
	// Reason is "" where the request is let through.
	Reason Reason `json:"reason"`
	// Detail is the text of the error; empty where there is none.
	Detail string `json:"detail,omitempty"`
	// Time is that of this machine's clock, which decides.
	Time time.Time `json:"time"`
	// Issuer is the configured issuer whose token it is; empty where it is of none.
	Issuer string `json:"issuer,omitempty"`
	// Profile is the name of the issuer's profile.
	Profile string `json:"profile,omitempty"`
	// Fits is the profiles of this package that would take a token of this form,
	// where the configured one does not.
	Fits []string `json:"fits,omitempty"`
	// KeyID is "kid" as the token says of itself, like what follows.
	KeyID string `json:"kid,omitempty"`
	// Algorithm is "alg".
	Algorithm string `json:"alg,omitempty"`
	// Type is "typ".
	Type string `json:"typ,omitempty"`
	// ClientID is the client identifier, from the claim that the profile names.
	ClientID string `json:"client_id,omitempty"`
	// TokenID is "jti".
	TokenID string `json:"jti,omitempty"`
	// Checks is every check, in the order of the verdict: the first that failed
	// is its reason.
	Checks []Check `json:"checks"`
}

// Check is one check of an [Explanation].
type Check struct {
	// Name is one of a fixed set.
	Name string `json:"name"`
	// Section is where the check is from: of an RFC, or a field of [Config].
	Section string `json:"section"`
	// State says what came of it.
	State CheckState `json:"state"`
	// Want is what must be there.
	Want string `json:"want"`
	// Got is what is there.
	Got string `json:"got"`
	// Reason is that of a refusal; empty where the check did not fail.
	Reason Reason `json:"reason,omitempty"`
	// Advice is what to do about a check that failed.
	Advice string `json:"advice,omitempty"`
}

// CheckState is what came of a check.
type CheckState string

// The states of a check.
const (
	// Passed: it is as it must be.
	Passed CheckState = "passed"
	// Failed: it is not.
	Failed CheckState = "failed"
	// Waived: it is not, and the mode of the rule lets the request through.
	Waived CheckState = "waived"
	// Skipped: it could not be made; Got says why.
	Skipped CheckState = "skipped"
)

// String returns the explanation as some lines of text.
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
	var failed []string
	for _, c := range x.Checks {
		if c.State == Failed {
			failed = append(failed, c.Name)
		}
	}
	line("failed", failed...)
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

func (c *Check) write(b *strings.Builder) {
	mark := map[CheckState]string{Passed: "ok", Failed: "FAIL", Waived: "trial", Skipped: "skip"}[c.State]
	fmt.Fprintf(b, "  %-6s%-22s%s\n", mark, c.Name, c.Got)
	if c.State == Passed || c.State == Skipped {
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
