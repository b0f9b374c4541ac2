// Package limits lists the limits of this module. Each limit is a named constant in the source
// or an option. The command in the folder generate writes docs/limits.md from this list and
// from the values in the source. The tests of this package check that the list is complete,
// and that each limit has the effect that the list describes.
package limits

import "slices"

// Limit is a row of docs/limits.md.
type Limit struct {
	// Constant is the name of the constant that has the value or the default of the limit. It
	// begins with the folder of the package; "bearer" stands for the root. For example, the
	// name is "jwks.maxKeys", "internal/claim.maxDate", or "jwks.rsa.minBits" for a constant in
	// the function rsa. If Constant is empty, the limit is an option without a default limit.
	Constant string
	// Subject states what the limit applies to.
	Subject string
	// Unit is the unit of the value: "bytes", "Unix time", "share" for one part in this number,
	// or the plural of what is counted. It is empty for a duration. The word "least" after the
	// unit marks a minimum.
	Unit string
	// Option is the option that changes the limit: "bearer.Config.CacheSize". The folder
	// testdata/api must contain it. It is empty if no option changes the limit.
	Option string
	// Beyond states what happens beyond the limit.
	Beyond string
	// Valid states which valid input is refused because of the limit. It is empty if there is
	// no such input. Source names the section of the RFC that allows the input, or permits the
	// limit.
	Valid, Source string
	// Test is the folder of a package and the name of its test that exceeds the limit. If no
	// test can do so, Test is empty and Untested is the reason.
	Test, Untested string
}

// Group is a table of docs/limits.md.
type Group struct {
	Title, Intro string
	Limits       []Limit
}

// Refusal is valid input that is refused without a limit.
type Refusal struct {
	// Input is the valid input. Source names the section that allows the input.
	Input, Source string
	// Reason is the reason of the refusal: a value of bearer.Reason.
	Reason string
	// Why states why the input is refused.
	Why string
	// Case is the name of the case of TestValidTokens that sends the input.
	Case string
}

// Groups returns the tables of the page.
func Groups() []Group {
	return slices.Concat(tokenGroups, keyGroups, guardGroups, reportGroups)
}

// All returns the limits of all groups.
func All() []Limit {
	var all []Limit
	for _, group := range Groups() {
		all = append(all, group.Limits...)
	}
	return all
}

// Refusals returns the valid input that is refused without a limit.
func Refusals() []Refusal { return slices.Clone(refusals) }
