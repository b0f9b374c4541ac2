package bearer

import (
	"slices"

	"github.com/bearerkit/bearer/internal/quote"
)

// The functions below return the texts of the check of the rule.

func (e *explainer) wantRule() string {
	if e.decision.req.Rule.IsZero() {
		return "a rule"
	}
	return e.decision.req.Rule.String()
}

func (e *explainer) gotGranted() string {
	if e.decision.req.Rule.IsZero() {
		return noRuleText(e.decision.req.NoRule)
	}
	c := e.t.claims()
	got := "no scopes"
	if c.scopes.Len() > 0 {
		got = "scopes " + listText(slices.Sorted(c.scopes.All()))
	}
	if len(c.roles) > 0 {
		got += ", roles " + listText(c.roles)
	}
	return got + c.ignoredScopes() + c.ignoredRoles("")
}

func (e *explainer) adviseRule(reason Reason) string {
	switch {
	case e.decision.req.Rule.IsZero():
		return "No rule applies to the request, so every token is refused, and no scope helps. If the route exists, declare a rule for it. Otherwise correct the method or the path of the request."
	case reason == Internal:
		return "This service is at fault. The client is not at fault. The rule is invalid, or a function in the rule fails."
	case reason != MissingScope:
		return "A function in the rule refuses the request. Read the text of its error."
	}
	if e.denied != nil && (len(e.denied.Missing) == 0 || e.v != nil && len(e.v.profile.scopes) == 0) {
		return e.denialText() + "The authorization server decides about the claims of its tokens. Tokens that were issued earlier keep their old claims until they expire."
	}
	return e.denialText() + "At the authorization server, grant the client the missing scopes. The client must also request the scopes in its token request. Tokens that were issued earlier keep their old scopes until they expire."
}

// denialText returns the detail of the rule's refusal as a sentence. It is the text of the log,
// which says why the token does not grant what the rule requires. It is empty if there is no text.
func (e *explainer) denialText() (text string) {
	if e.denied == nil || e.denied.Err == nil {
		return ""
	}
	_ = callSafely(func() error { text = "Why: " + quote.Line(e.denied.Err.Error()) + ". "; return nil }) // the method Error may panic
	return text
}
