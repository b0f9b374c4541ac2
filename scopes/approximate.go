package scopes

import "slices"

// A partial is a choice of alternatives for a part of a rule.
type partial struct {
	failed, lacks int      // as in candidate, but a scope counts several times if the rule repeats it
	names         []string // the scopes of a leaf
	parts         []partial
}

// approximate returns an alternative of a rule that has too many alternatives to compare. In
// each operand of Or and each Any, it chooses the alternative that lacks fewest scopes. The
// time is linear.
func (p *plan) approximate(n *node, granted Set, met map[*node]bool) bitset {
	set := p.empty()
	var add func(c *partial)
	add = func(c *partial) {
		for _, name := range c.names {
			set.set(p.positions[name])
		}
		for i := range c.parts {
			add(&c.parts[i])
		}
	}
	l := lowest{h: granted.hierarchy(), budget: len(p.names)}
	for _, implied := range l.h {
		l.budget += 1 + len(implied)
	}
	best := n.approximate(granted, met, &l)
	add(&best)
	return set
}

func (n *node) approximate(granted Set, met map[*node]bool, l *lowest) (best partial) {
	switch n.kind {
	case all:
		best.names = n.want.names
		for _, name := range best.names {
			if !granted.Has(name) {
				best.lacks++
			}
		}
	case anyOf:
		i := slices.IndexFunc(n.want.names, granted.Has)
		if i < 0 {
			return partial{lacks: 1, names: []string{l.of(n.want)}}
		}
		best.names = n.want.names[i : i+1]
	case and:
		best.parts = make([]partial, len(n.rules))
		for i, rule := range n.rules {
			best.parts[i] = rule.n.approximate(granted, met, l)
			best.failed += best.parts[i].failed
			best.lacks += best.parts[i].lacks
		}
	case or:
		for i, rule := range n.rules {
			next := rule.n.approximate(granted, met, l)
			if i == 0 || next.failed < best.failed || next.failed == best.failed && next.lacks < best.lacks {
				best = next
			}
		}
	case function:
		if !met[n] {
			best.failed = 1
		}
	case public: // never denies a request
	}
	return best
}

// The type lowest finds scopes that imply no other scope of a set, with a budget for all of its
// searches together. Without it, the time is quadratic if a rule has many sets.
type lowest struct {
	h      Hierarchy
	budget int // the number of implications that the searches may still follow
}

// of returns a scope of the set that implies no other scope of the set, except scopes that
// imply it too. It is the first scope of the set, or a scope that the first one implies. If the
// budget is used up, it is the first scope.
func (l *lowest) of(set Set) string {
	seen := make(map[string]bool)
	var visit func(name string) string
	visit = func(name string) string {
		seen[name] = true
		for _, next := range l.h[name] {
			if l.budget--; l.budget < 0 {
				return set.names[0]
			}
			if seen[next] {
				continue
			}
			if found := visit(next); found != "" {
				return found
			}
		}
		if set.Has(name) {
			return name
		}
		return ""
	}
	return visit(set.names[0])
}
