package scopes

// The modes of a rule. A node of ReportOnly or Optional has the same kind as a node of
// And. The node has one operand. The field "name" of the node contains the mode. Code that
// ignores modes therefore enforces the operand.
const (
	reportOnly = "report only"
	optional   = "optional"
)

// ReportOnly returns the rule in report-only mode. Use this mode to try a new rule. If the
// token is valid and only the rule denies the request, guards allow the request and report
// the denial to the observer. The context of the request has the claims. A token that is
// not valid is refused, as for any other rule.
//
// ReportOnly must be the outermost call, or be directly inside [Optional]. Inside [And] and
// [Or], the mode has no effect, and the rule is enforced.
func ReportOnly(rule Rule) Rule { return inMode(reportOnly, "ReportOnly", rule) }

// Optional returns the rule in optional mode. In this mode, guards allow a request without
// a token. The context of this request has no claims. A caller with a token must meet the
// rule. A token that is not valid is refused.
//
// Optional must be the outermost call, or be directly inside [ReportOnly]. Inside [And] and
// [Or], the mode has no effect, and a token is required.
func Optional(rule Rule) Rule { return inMode(optional, "Optional", rule) }

func inMode(mode, fn string, rule Rule) Rule {
	rules := []Rule{rule}
	return newRule(&node{kind: and, name: mode, rules: rules, err: checkOperands(fn, rules)})
}

// IsReportOnly reports whether the rule is in report-only mode; see [ReportOnly]. It returns
// false for a rule with a mistake in it.
func (r Rule) IsReportOnly() bool { return r.in(reportOnly) }

// IsOptional reports whether the rule is in optional mode; see [Optional]. It returns false
// for a rule with a mistake in it.
func (r Rule) IsOptional() bool { return r.in(optional) }

func (r Rule) in(mode string) bool {
	if r.n == nil || r.n.err != nil {
		return false
	}
	for n := r.n; n.kind == and && n.name != ""; n = n.rules[0].n {
		if n.name == mode {
			return true
		}
	}
	return false
}

// Scopes returns every scope that the rule names. The list is in the order of the rule and
// has no duplicates. It contains every scope that a client may have to request. A [Func]
// names no scope. Scopes returns nil for a rule with a mistake in it.
func (r Rule) Scopes() []string {
	if r.n == nil || r.n.err != nil {
		return nil
	}
	return unique(r.n.appendScopes(nil))
}

// appendScopes appends the scopes that the rule names to a list. The list can contain duplicates.
func (n *node) appendScopes(names []string) []string {
	names = append(names, n.names...)
	for _, rule := range n.rules {
		names = rule.n.appendScopes(names)
	}
	return names
}
