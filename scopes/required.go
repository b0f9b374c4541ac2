package scopes

import (
	"reflect"
	"slices"
)

// maxComparisons limits the time of a denial. It is the number of words that the search for
// the alternatives of a rule may compare.
const maxComparisons = 1 << 20

// Required returns all scopes of the alternative that a client with the granted scopes should
// request, even the scopes that the client already has. [DeniedError] describes how the
// alternative is chosen. Required calls no functions; a [Func] counts as a function that
// denies the request. The list is in the order of [Rule.Scopes], and the caller may change
// it. It is empty if no scope is missing, and for a rule that is [Public] or has a mistake in
// it.
func (r Rule) Required(granted Set) []string {
	if r.n == nil || r.n.err != nil {
		return nil
	}
	required, _ := r.n.lacking(granted, nil)
	return required
}

// planned returns the plan of the rule. The plan is made when the rule denies a request for the
// first time.
func (n *node) planned() *plan {
	p := n.plan.Load()
	if p == nil {
		p = n.newPlan(maxComparisons)
		n.plan.Store(p)
	}
	return p
}

// A candidate is an alternative of a rule. The method compare compares it with what a caller has.
type candidate struct {
	failed    int    // the number of functions that are not met
	lacks     int    // the number of scopes to request that the caller does not have
	set       bitset // the scopes
	functions bitset
	implied   bitset // the scopes, and the scopes that they imply
	required  bitset // the scopes, without those that others of them imply
}

// lacking returns the scopes of the best alternative, and those of them that the caller lacks.
// Both lists are empty if no scope is missing. The argument met has the functions that the
// caller meets.
func (n *node) lacking(granted Set, met map[*node]bool) (required, missing []string) {
	p := n.planned()
	have := p.empty()
	for i, name := range p.names {
		if granted.Has(name) {
			have.set(i)
		}
	}
	for i, fn := range p.functions {
		if met[fn] {
			have.set(p.words*64 + i)
		}
	}
	choose := func(h Hierarchy) candidate {
		if p.sets == nil {
			c := newImplications(p, h).candidate(p.approximate(n, granted, met))
			return p.compare(c, have)
		}
		return p.best(p.candidates(h), have)
	}
	best := choose(granted.hierarchy())
	if best.lacks == 0 {
		// A wildcard grants a scope, but not the scopes that this scope implies.
		best = choose(nil)
	}
	if best.lacks == 0 {
		return nil, nil
	}
	required = p.list(best.required)
	return required, slices.DeleteFunc(slices.Clone(required), granted.Has)
}

// expansion has the alternatives of a plan with what they imply according to a hierarchy.
type expansion struct {
	hierarchy  Hierarchy
	candidates []candidate
}

// candidates returns the alternatives, not yet compared with what a caller has. The plan keeps
// them for the last hierarchy, because the work depends on the size of the hierarchy, and a client
// can cause any number of denials. The tokens of one issuer have the same hierarchy.
func (p *plan) candidates(h Hierarchy) []candidate {
	if last := p.expanded.Load(); last != nil && isSame(last.hierarchy, h) {
		return last.candidates
	}
	i := newImplications(p, h)
	next := &expansion{h, make([]candidate, len(p.sets))}
	for j, set := range p.sets {
		next.candidates[j] = i.candidate(set)
	}
	if len(h) > 0 {
		p.expanded.Store(next)
	}
	return next.candidates
}

// isSame reports whether a and b are the same map. Package bearer makes one map for each verifier.
func isSame(a, b Hierarchy) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// best returns the alternative that a client should request.
func (p *plan) best(expanded []candidate, have bitset) candidate {
	candidates := make([]candidate, len(expanded))
	for j, c := range expanded {
		candidates[j] = p.compare(c, have)
	}
	candidates = fewest(candidates, func(c candidate) int { return c.failed })
	// An alternative is removed if its missing scopes imply those of another one, but not the
	// other way round. The granted scopes already include what they imply.
	candidates = smallest(candidates, have[:p.words])
	candidates = fewest(candidates, func(c candidate) int { return c.lacks })
	return smallest(candidates, nil)[0]
}

// fewest returns the candidates with the smallest number.
func fewest(candidates []candidate, number func(candidate) int) []candidate {
	least := number(candidates[0])
	for _, c := range candidates {
		least = min(least, number(c))
	}
	return slices.DeleteFunc(candidates, func(c candidate) bool { return number(c) != least })
}

// The function smallest removes each candidate whose scopes imply all scopes of another
// candidate that are not in have, unless the other candidate implies this one too.
func smallest(candidates []candidate, have bitset) []candidate {
	kept := make([]candidate, 0, len(candidates))
	for _, c := range candidates {
		if !slices.ContainsFunc(candidates, func(other candidate) bool {
			return other.set.isIn(c.implied, have) && !c.set.isIn(other.implied, have)
		}) {
			kept = append(kept, c)
		}
	}
	return kept
}

// implications compares the alternatives of a plan with a hierarchy.
type implications struct {
	plan      *plan
	hierarchy Hierarchy
	parents   bitset // the scopes of the plan that imply others; nil if there are none
}

func newImplications(p *plan, h Hierarchy) *implications {
	i := &implications{plan: p, hierarchy: h}
	if len(h) == 0 {
		return i
	}
	for position, name := range p.names {
		if len(h[name]) == 0 {
			continue
		}
		if i.parents == nil {
			i.parents = make(bitset, p.words)
		}
		i.parents.set(position)
	}
	return i
}

// candidate returns an alternative with what its scopes imply.
func (i *implications) candidate(set bitset) candidate {
	words := i.plan.words
	c := candidate{set: set[:words], functions: set[words:]}
	c.implied, c.required = c.set, c.set
	if i.parents != nil {
		i.expand(&c)
	}
	return c
}

// compare compares an alternative with the scopes and functions in have.
func (p *plan) compare(c candidate, have bitset) candidate {
	c.failed, c.lacks = c.functions.lacks(have[p.words:]), c.required.lacks(have)
	return c
}

// expand sets implied and required. If several scopes imply each other, required has the first
// of them. The time is linear in the number of scopes and the size of the hierarchy.
func (i *implications) expand(c *candidate) {
	var parents, kept []int
	for position := range i.plan.names {
		if c.set.has(position) && i.parents.has(position) {
			parents = append(parents, position)
		}
	}
	if parents == nil {
		return
	}
	implied, seen := make(bitset, i.plan.words), make(map[string]bool)
	for _, position := range parents {
		if !implied.has(position) { // no earlier scope implies this one
			kept = append(kept, position)
			i.follow(position, implied, seen)
		}
	}
	c.implied, c.required = slices.Clone(implied), slices.Clone(c.set)
	c.implied.add(c.set)
	for j := range c.required {
		c.required[j] &^= implied[j]
	}
	// Of the scopes in kept, only later ones can imply earlier ones.
	clear(implied)
	clear(seen)
	for _, position := range slices.Backward(kept) {
		if !implied.has(position) {
			c.required.set(position)
			i.follow(position, implied, seen)
		} else {
			c.required.clear(position)
		}
	}
}

// follow adds the scopes to implied that the scope at this position implies. The map seen has
// the scopes whose implications were followed before.
func (i *implications) follow(position int, implied bitset, seen map[string]bool) {
	stack := []string{i.plan.names[position]}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, next := range i.hierarchy[name] {
			if position, ok := i.plan.positions[next]; ok {
				implied.set(position)
			}
			stack = append(stack, next)
		}
	}
}
