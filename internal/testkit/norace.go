//go:build !race

package testkit

// RaceEnabled reports whether the race detector is on. The race detector adds allocations, so
// tests cannot count allocations while it is on.
const RaceEnabled = false
