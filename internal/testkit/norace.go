//go:build !race

package testkit

// RaceEnabled reports whether the race detector is on. The race detector adds
// allocations.
const RaceEnabled = false
