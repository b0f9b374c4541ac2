package scopes

import "slices"

// maxAlternatives limits the result and the time of Rule.Alternatives.
const maxAlternatives = 64

// Alternatives returns the rule as a list of alternatives. Each alternative is a list of
// scopes. A caller meets the rule if the token grants all scopes of at least one
// alternative. Use the list to export a rule, for example to an OpenAPI document, or to
// compare two rules. For [All] without arguments, the list has one alternative without
// scopes.
//
// No alternative contains another one, because the larger one changes nothing. The
// alternatives are in the order of the rule, and the scopes of an alternative are in the
// order of [Rule.Scopes]. The caller may change the result.
//
// If ok is false, there is no such list, and sets is nil. The reasons are:
//   - the rule contains a [Func], which scopes alone do not satisfy
//   - the guard allows requests without a token, because the rule is [Public] or in
//     [Optional] mode
//   - the rule, or a rule inside this rule, has more than 64 alternatives
//   - the rule is the zero Rule, or has a mistake ([Rule.Err])
//
// For a rule in [ReportOnly] mode, the result is the list of the rule inside.
func (r Rule) Alternatives() (sets [][]string, ok bool) {
	if r.n == nil || r.n.err != nil || r.n.kind == public || r.IsOptional() {
		return nil, false
	}
	names := r.Scopes()
	positions := make(map[string]int, len(names))
	for i, name := range names {
		positions[name] = i
	}
	found, ok := r.n.alternatives(positions)
	if !ok {
		return nil, false
	}
	sets = make([][]string, len(found))
	for i, set := range found {
		sets[i] = make([]string, len(set))
		for j, position := range set {
			sets[i][j] = names[position]
		}
	}
	return sets, true
}

// alternatives returns the alternatives of a rule. An alternative is a sorted list of
// positions of scopes.
func (n *node) alternatives(positions map[string]int) (sets [][]int, ok bool) {
	switch n.kind {
	case all:
		var set []int
		for _, name := range n.names {
			set = append(set, positions[name])
		}
		slices.Sort(set)
		return [][]int{slices.Compact(set)}, true
	case anyOf:
		for _, name := range n.names {
			sets = append(sets, []int{positions[name]})
		}
		return minimal(sets)
	case or:
		for _, rule := range n.rules {
			more, ok := rule.n.alternatives(positions)
			if !ok {
				return nil, false
			}
			if sets, ok = minimal(append(sets, more...)); !ok {
				return nil, false
			}
		}
		return sets, true
	case and:
		sets = [][]int{nil}
		for _, rule := range n.rules {
			more, ok := rule.n.alternatives(positions)
			if !ok {
				return nil, false
			}
			if sets, ok = minimal(unions(sets, more)); !ok {
				return nil, false
			}
		}
		return sets, true
	case public, function: // no list of scopes describes these rules
	}
	return nil, false
}

// unions returns the unions of each set in a with each set in b.
func unions(a, b [][]int) [][]int {
	sets := make([][]int, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			union := slices.Concat(x, y)
			slices.Sort(union)
			sets = append(sets, slices.Compact(union))
		}
	}
	return sets
}

// The function minimal removes each set that contains another set of the list. It keeps the
// order of the other sets. If more than maxAlternatives sets remain, ok is false.
func minimal(sets [][]int) (kept [][]int, ok bool) {
	// No set contains a larger set. So a set that contains no smaller set stays in the
	// result, and the loop can stop early.
	order := make([]int, len(sets))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return len(sets[i]) - len(sets[j]) })
	var positions []int
	for _, i := range order {
		if slices.ContainsFunc(positions, func(j int) bool { return isSubset(sets[j], sets[i]) }) {
			continue
		}
		if positions = append(positions, i); len(positions) > maxAlternatives {
			return nil, false
		}
	}
	slices.Sort(positions)
	for _, i := range positions {
		kept = append(kept, sets[i])
	}
	return kept, true
}

// isSubset reports whether b contains all numbers of a. Both lists are sorted.
func isSubset(a, b []int) bool {
	for _, x := range a {
		i, found := slices.BinarySearch(b, x)
		if !found {
			return false
		}
		b = b[i+1:]
	}
	return true
}
