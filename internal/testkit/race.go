//go:build race

package testkit

// RaceEnabled reports whether the race detector is on. It adds allocations.
const RaceEnabled = true
