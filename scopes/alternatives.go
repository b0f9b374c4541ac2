package scopes

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
)

// maxAlternatives limits the result and the time of Rule.Alternatives and of Rule.Required.
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
	if !r.n.pure {
		return nil, false
	}
	p := r.n.newPlan(math.MaxInt)
	if p.sets == nil {
		return nil, false
	}
	sets = make([][]string, len(p.sets))
	for i, set := range p.sets {
		sets[i] = p.list(set)
	}
	return sets, true
}

// A plan describes what a rule requires. It does not change, except for expanded.
type plan struct {
	names     []string       // the scopes of the rule, in the order of Rule.Scopes
	positions map[string]int // the positions in names
	functions []*node        // the functions of the rule, each one once
	words     int            // the number of words of a bitset that belong to names
	sets      []bitset       // the alternatives in the order of the rule; nil if there are too many
	expanded  atomic.Pointer[expansion]
}

// The bits of an alternative stand for scopes and for functions. Bit i stands for names[i] of
// the plan. The bits for the functions begin with a new word.
type bitset []uint64

func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 == 1 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }

// add adds the bits of other.
func (b bitset) add(other bitset) {
	for i, word := range other {
		b[i] |= word
	}
}

// lacks returns the number of bits in b that other does not have.
func (b bitset) lacks(other bitset) (n int) {
	for i, word := range b {
		n += bits.OnesCount64(word &^ other[i])
	}
	return n
}

// isIn reports whether other has every bit of b that is not in except. Without except, it
// reports whether b is a subset of other.
func (b bitset) isIn(other, except bitset) bool {
	for i, word := range b {
		if word &^= other[i]; word != 0 && (except == nil || word&^except[i] != 0) {
			return false
		}
	}
	return true
}

// The method list returns the names of the scopes in a set, in the order of the rule.
func (p *plan) list(set bitset) []string {
	names := make([]string, 0, len(p.names))
	for i, name := range p.names {
		if set.has(i) {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

// newPlan returns the plan of a rule without mistakes. If the search for alternatives compares
// more than this number of words, the plan has no alternatives.
func (n *node) newPlan(budget int) *plan {
	p := &plan{names: unique(n.appendScopes(nil))}
	p.positions = make(map[string]int, len(p.names))
	for i, name := range p.names {
		p.positions[name] = i
	}
	p.words = (len(p.names) + 63) / 64
	s := search{plan: p, functions: make(map[*node]int), budget: budget}
	s.number(n)
	if sets, ok := s.alternatives(n); ok {
		p.sets = sets
	}
	return p
}

// A search finds the alternatives of a rule.
type search struct {
	plan      *plan
	functions map[*node]int // the bits of the functions
	budget    int           // the number of words that the search may still compare
}

// number gives each function of the rule a bit.
func (s *search) number(n *node) {
	if n.kind == function {
		if _, ok := s.functions[n]; !ok {
			s.functions[n] = s.plan.words*64 + len(s.plan.functions)
			s.plan.functions = append(s.plan.functions, n)
		}
	}
	for _, rule := range n.rules {
		if !rule.n.pure {
			s.number(rule.n)
		}
	}
}

// empty returns a set without bits.
func (p *plan) empty() bitset { return make(bitset, p.words+(len(p.functions)+63)/64) }

// alternatives returns the alternatives of a rule. If there are too many, ok is false. The
// caller may change the result.
func (s *search) alternatives(n *node) (sets []bitset, ok bool) {
	switch n.kind {
	case all:
		sets = []bitset{s.plan.empty()}
		for _, name := range n.names {
			sets[0].set(s.plan.positions[name])
		}
	case function:
		sets = []bitset{s.plan.empty()}
		sets[0].set(s.functions[n])
	case anyOf:
		for _, name := range n.names {
			one := s.plan.empty()
			one.set(s.plan.positions[name])
			if !s.add(&sets, one) {
				return nil, false
			}
		}
	case or:
		for _, rule := range n.rules {
			more, ok := s.alternatives(rule.n)
			for _, set := range more {
				ok = ok && s.add(&sets, set)
			}
			if !ok {
				return nil, false
			}
		}
	case and:
		sets = []bitset{s.plan.empty()}
		for _, rule := range n.rules {
			more, ok := s.alternatives(rule.n)
			if ok {
				sets, ok = s.unions(sets, more)
			}
			if !ok {
				return nil, false
			}
		}
	case public: // never an operand
	}
	return sets, true
}

// unions returns the unions of each set in a with each set in b. It may change the sets in a.
func (s *search) unions(a, b []bitset) (unions []bitset, ok bool) {
	if len(a) == 1 && len(b) == 1 {
		a[0].add(b[0])
		return a, true
	}
	for _, x := range a {
		for _, y := range b {
			union := slices.Clone(x)
			union.add(y)
			if !s.add(&unions, union) {
				return nil, false
			}
		}
	}
	return unions, true
}

// add adds a set to kept, unless kept contains a subset of this set. It removes the sets that
// contain this set. If kept is too long or the search took too long, add returns false.
func (s *search) add(kept *[]bitset, set bitset) bool {
	s.budget -= len(*kept) * len(set)
	for _, other := range *kept {
		if other.isIn(set, nil) {
			return true
		}
	}
	*kept = append(slices.DeleteFunc(*kept, func(other bitset) bool { return set.isIn(other, nil) }), set)
	return len(*kept) <= maxAlternatives && s.budget >= 0
}
