package bearer

import "slices"

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
	return "At the authorization server, grant the client the missing scopes or roles. The client must also request the scopes in its token request. Tokens that were issued earlier keep their old scopes until they expire."
}
