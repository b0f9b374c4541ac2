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
		"Is panics":               simple(panickingIs{}),
		"As panics":               simple(panickingAs{}),
		"Unwrap panics":           simple(panickingUnwrap{}),
		"Is dereferences nil":     simple((*carelessIs)(nil)),
		"As offers a nil *Error":  simple(lyingAs{}),
		"As sets nothing":         simple(emptyAs{}),
		"typed nil":               simple((*bearer.Error)(nil)),
		"reason that is unknown":  simple(&bearer.Error{Reason: "made up"}),
		"wraps itself":            endless(func(h *Hostile) error { return &cycle{h} }),
		"wraps itself in a list":  endless(func(h *Hostile) error { return &listCycle{h} }),
		"new error in each call":  endless(func(h *Hostile) error { return generated{h} }),
		"new errors in each call": endless(func(h *Hostile) error { return generatedList{h} }),
		"shared branches": endless(func(h *Hostile) error {
			err := error(hiddenText{h, nil})
			for range 40 {
				err = hiddenText{h, []error{err, err}}
			}
			return err
		}),
		"long list": endless(func(h *Hostile) error { return hiddenText{h, make([]error, 1_000_000)} }),
	}
}

// PanickingText is an error whose method Error panics.
type PanickingText struct{}

// Error panics.
func (PanickingText) Error() string { panic("Error") }

type base struct{}

func (base) Error() string { return "hostile" }

type panickingIs struct{ base }

func (panickingIs) Is(error) bool { panic("Is") }

type panickingAs struct{ base }

func (panickingAs) As(any) bool { panic("As") }

type panickingUnwrap struct{ base }

func (panickingUnwrap) Unwrap() error { panic("Unwrap") }

type carelessIs struct{ code int }

func (*carelessIs) Error() string     { return "hostile" }
func (e *carelessIs) Is(_ error) bool { return e.code == 7 }

type lyingAs struct{ base }

func (lyingAs) As(target any) bool {
	to, ok := target.(**bearer.Error)
	if ok {
		*to = nil
	}
	return ok
}

type emptyAs struct{ base }

func (emptyAs) As(any) bool { return true }

type cycle struct{ h *Hostile }

func (*cycle) Error() string   { return "hostile" }
func (e *cycle) Unwrap() error { e.h.Calls++; return e }

type listCycle struct{ h *Hostile }

func (*listCycle) Error() string     { return "hostile" }
func (e *listCycle) Unwrap() []error { e.h.Calls++; return []error{e, e} }

type generated struct{ h *Hostile }

func (generated) Error() string   { return "hostile" }
func (e generated) Unwrap() error { e.h.Calls++; return &generated{e.h} }

type generatedList struct{ h *Hostile }

func (generatedList) Error() string { return "hostile" }
func (e generatedList) Unwrap() []error {
	e.h.Calls++
	return []error{nil, &generatedList{e.h}, nil, &generatedList{e.h}}
}

type hiddenText struct {
	h    *Hostile
	errs []error
}

func (hiddenText) Error() string     { return "hostile" }
func (e hiddenText) Unwrap() []error { e.h.Calls++; return e.errs }
