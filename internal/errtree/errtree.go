// Package errtree visits the errors that an error wraps. The number of visited errors is
// limited, because an error of other code can wrap itself.
package errtree

// Max is the maximum number of errors that a Tree visits.
const Max = 10_000

// Tree is the state of a search in a tree of errors. New returns a Tree. A Tree calls the
// methods Unwrap of the errors. It does not recover if they panic. It is not safe for
// concurrent use.
type Tree struct {
	todo    []branch
	visited int
	cut     bool
}

// branch contains the errors that are not yet visited, in their order.
type branch struct {
	one  error // only if many is nil
	many []error
}

// New returns a Tree that visits err.
func New(err error) Tree { return Tree{todo: []branch{{one: err}}} }

// Next returns the next error, or nil if there is none. The order is the order of errors.Is,
// if the caller calls Enter for each error.
func (t *Tree) Next() error {
	for len(t.todo) > 0 {
		last := len(t.todo) - 1
		b := &t.todo[last]
		err := b.one
		if len(b.many) > 0 {
			err, b.many = b.many[0], b.many[1:]
		}
		if len(b.many) == 0 {
			t.todo = t.todo[:last]
		}
		if t.visited++; t.visited > Max {
			t.todo, t.cut = nil, true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Enter adds the errors that err wraps to the errors that Next returns.
func (t *Tree) Enter(err error) {
	switch err := err.(type) { //nolint:errorlint // the code unwraps the error
	case interface{ Unwrap() error }:
		t.Add(err.Unwrap())
	case interface{ Unwrap() []error }:
		if many := err.Unwrap(); len(many) > 0 {
			t.todo = append(t.todo, branch{many: many})
		}
	}
}

// Add adds err to the errors that Next returns. It adds nothing if err is nil.
func (t *Tree) Add(err error) {
	if err != nil {
		t.todo = append(t.todo, branch{one: err})
	}
}

// Complete reports whether Next has returned every error. It is false if there are more than
// Max errors, or if an error wraps itself.
func (t *Tree) Complete() bool { return !t.cut && len(t.todo) == 0 }
