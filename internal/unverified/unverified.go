// Package unverified marks the refusals of tokens whose signatures were not verified. Package
// bearer sets the mark, and package refusal reads it, because the client must not learn what
// such a token contains.
package unverified

import "github.com/bearerkit/bearer/internal/errtree"

// Mark is the target that a marked error recognizes in its method Is. It is not the reason of
// a refusal. Other modules cannot name this type.
type Mark struct{} //nolint:errname // it is only a target, and never the error of a function

// Error returns the meaning of the mark.
func (Mark) Error() string { return "the signature was not verified" }

// Is reports whether err, or an error that err wraps, is marked. It is true too if the search
// does not end after [errtree.Max] errors, or if a method of an error panics, because the
// result false lets a guard tell the client more.
func Is(err error) (marked bool) {
	defer func() {
		if recover() != nil { // a method of a caller's error panicked
			marked = true
		}
	}()
	tree := errtree.New(err)
	for err := tree.Next(); err != nil; err = tree.Next() {
		if own, ok := err.(interface{ Is(target error) bool }); ok && own.Is(Mark{}) {
			return true
		}
		tree.Enter(err)
	}
	return !tree.Complete()
}
