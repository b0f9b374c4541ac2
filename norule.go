package bearer

import (
	"strings"

	"github.com/bearerkit/bearer/internal/norule"
	"github.com/bearerkit/bearer/internal/quote"
)

// maxNoRule is the maximum number of bytes of Request.NoRule in an error.
const maxNoRule = 512

// explained returns the refusal with the text of Request.NoRule. It returns the refusal
// itself if the request has a rule, or if there is nothing to add.
func (d *decision) explained(refusal *Error) *Error {
	why := d.req.NoRule
	if !d.req.Rule.IsZero() || why == "" && (refusal.Reason != MissingScope || norule.Is(refusal.Err)) {
		return refusal
	}
	e := *refusal // a copy, because all requests may share the refusal
	e.shared, e.Err = nil, &norule.Error{Cause: noRuleText(why), Detail: refusal.Err}
	return &e
}

// noRuleText returns a text for logs that says that there is no rule, and why.
func noRuleText(why string) string {
	const text = "there is no rule"
	if why == "" {
		return text
	}
	return text + ": " + quote.Line(strings.ToValidUTF8(why[:min(len(why), maxNoRule)], ""))
}
