package scopes

import "slices"

// The modes of a rule. A rule in a mode is that rule alone in an And with the
// mode for a name, so that whoever does not know modes judges the rule itself.
const (
	reportOnly = "report only"
	optional   = "optional"
)

// ReportOnly is a rule that is being tried out. Guards let a caller through whose
// token is valid and whom only the rule would refuse, with the claims in the
// context, and tell the observer what the rule would have said. A token that does
// not verify is refused as under any other rule.
//
// The mode stands outermost, around or inside of [Optional]. Inside And and Or it
// means nothing, and the rule is enforced.
func ReportOnly(rule Rule) Rule { return inMode(reportOnly, "ReportOnly", rule) }

// Optional is a rule for callers with a token; a caller without one is let
// through as anonymous, with no claims in the context. A token that is sent and
// does not verify, or does not meet the rule, is refused.
//
// The mode stands outermost, around or inside of [ReportOnly]. Inside And and Or
// it means nothing, and a token is asked for.
func Optional(rule Rule) Rule { return inMode(optional, "Optional", rule) }

func inMode(mode, fn string, rule Rule) Rule {
	rules := []Rule{rule}
	return newRule(node{kind: and, name: mode, rules: rules, err: checkOperands(fn, rules)})
}

// IsReportOnly reports whether the rule is in the mode of [ReportOnly]. One that
// [Rule.Err] finds wrong is in no mode.
func (r Rule) IsReportOnly() bool { return r.in(reportOnly) }

// IsOptional reports whether the rule is in the mode of [Optional]. One that
// [Rule.Err] finds wrong is in no mode.
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

// Scopes returns every scope that the rule names, each once, in the order of the
// rule: what a client may have to ask for. Functions of the rule name none.
func (r Rule) Scopes() []string {
	if r.n == nil || r.n.err != nil {
		return nil
	}
	names := slices.Clone(r.n.names)
	for _, rule := range r.n.rules {
		names = append(names, rule.Scopes()...)
	}
	return unique(names)
}
