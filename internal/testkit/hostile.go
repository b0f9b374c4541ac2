package testkit

import "github.com/bearerkit/bearer"

// MaxHostileCalls is the maximum number of calls of Unwrap that a decision may need.
const MaxHostileCalls = 30_000

// Hostile is an error whose methods do not behave.
type Hostile struct {
	Err     error
	Calls   int  // the number of calls of Unwrap
	Endless bool // a search in Err does not end
}

// HostileErrors returns functions that make errors whose methods panic, lie or never end. The
// reason of each error is bearer.Internal.
func HostileErrors() map[string]func() *Hostile {
	endless := func(unwrap func(h *Hostile) error) func() *Hostile {
		return func() *Hostile {
			h := &Hostile{Endless: true}
			h.Err = unwrap(h)
			return h
		}
	}
	simple := func(err error) func() *Hostile { return func() *Hostile { return &Hostile{Err: err} } }
	return map[string]func() *Hostile{
		"Is panics":               simple(panickingIsError{}),
		"As panics":               simple(panickingAsError{}),
		"Unwrap panics":           simple(panickingUnwrapError{}),
		"Is dereferences nil":     simple((*carelessIsError)(nil)),
		"As offers a nil *Error":  simple(lyingAsError{}),
		"As sets nothing":         simple(emptyAsError{}),
		"typed nil":               simple((*bearer.Error)(nil)),
		"reason that is unknown":  simple(&bearer.Error{Reason: "made up"}),
		"wraps itself":            endless(func(h *Hostile) error { return &cycleError{h} }),
		"wraps itself in a list":  endless(func(h *Hostile) error { return &listCycleError{h} }),
		"new error in each call":  endless(func(h *Hostile) error { return generatedError{h} }),
		"new errors in each call": endless(func(h *Hostile) error { return generatedListError{h} }),
		"shared branches": endless(func(h *Hostile) error {
			err := error(hiddenTextError{h, nil})
			for range 40 {
				err = hiddenTextError{h, []error{err, err}}
			}
			return err
		}),
		"long list": endless(func(h *Hostile) error { return hiddenTextError{h, make([]error, 1_000_000)} }),
	}
}

// PanickingTextError is an error whose method Error panics.
type PanickingTextError struct{}

// Error panics.
func (PanickingTextError) Error() string { panic("Error") } //nolint:forbidigo // code of a user can panic

type base struct{}

func (base) Error() string { return "hostile" }

type panickingIsError struct{ base }

func (panickingIsError) Is(error) bool { panic("Is") } //nolint:forbidigo // code of a user can panic

type panickingAsError struct{ base }

func (panickingAsError) As(any) bool { panic("As") } //nolint:forbidigo // code of a user can panic

type panickingUnwrapError struct{ base }

func (panickingUnwrapError) Unwrap() error { panic("Unwrap") } //nolint:forbidigo // code of a user can panic

type carelessIsError struct{ code int }

func (*carelessIsError) Error() string     { return "hostile" }
func (e *carelessIsError) Is(_ error) bool { return e.code == 7 }

type lyingAsError struct{ base }

func (lyingAsError) As(target any) bool {
	to, ok := target.(**bearer.Error)
	if ok {
		*to = nil
	}
	return ok
}

type emptyAsError struct{ base }

func (emptyAsError) As(any) bool { return true }

type cycleError struct{ h *Hostile }

func (*cycleError) Error() string   { return "hostile" }
func (e *cycleError) Unwrap() error { e.h.Calls++; return e }

type listCycleError struct{ h *Hostile }

func (*listCycleError) Error() string     { return "hostile" }
func (e *listCycleError) Unwrap() []error { e.h.Calls++; return []error{e, e} }

type generatedError struct{ h *Hostile }

func (generatedError) Error() string   { return "hostile" }
func (e generatedError) Unwrap() error { e.h.Calls++; return &generatedError{e.h} }

type generatedListError struct{ h *Hostile }

func (generatedListError) Error() string { return "hostile" }
func (e generatedListError) Unwrap() []error {
	e.h.Calls++
	return []error{nil, &generatedListError{e.h}, nil, &generatedListError{e.h}}
}

type hiddenTextError struct {
	h    *Hostile
	errs []error
}

func (hiddenTextError) Error() string     { return "hostile" }
func (e hiddenTextError) Unwrap() []error { e.h.Calls++; return e.errs }
