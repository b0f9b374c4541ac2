package bearer

import (
	"errors"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/scopes"
)

// maxNoRule is the maximum number of bytes of Request.NoRule in an error.
const maxNoRule = 512

// noRuleError is the detail of a refusal of a request that has no rule. Its text begins with
// the cause, so that a cut of a foreign detail does not remove the cause.
type noRuleError struct {
	cause  string // the result of noRuleText
	detail error  // the detail of the refusal without the cause; may be nil
	hidden bool   // the detail says only that there is no rule
}

func newNoRuleError(why string, refusal *Error) *noRuleError {
	return &noRuleError{noRuleText(why), refusal.Err, refusal.Reason == MissingScope && errors.Is(refusal.Err, scopes.ErrNoRule)}
}

// noRuleText returns a text for logs that says that there is no rule, and why.
func noRuleText(why string) string {
	const text = "there is no rule"
	if why == "" {
		return text
	}
	return text + ": " + quote.Line(strings.ToValidUTF8(why[:min(len(why), maxNoRule)], ""))
}

// prefix returns the part of the text that does not come from the detail.
func (e *noRuleError) prefix() string {
	text := e.cause
	if e.detail != nil && !e.hidden {
		text += "; "
	}
	return text
}

// Error returns the cause, and the detail of the refusal.
func (e *noRuleError) Error() string {
	text := e.prefix()
	if e.detail != nil && !e.hidden {
		text += e.detail.Error()
	}
	return text
}

// Unwrap returns the detail of the refusal.
func (e *noRuleError) Unwrap() error { return e.detail }
