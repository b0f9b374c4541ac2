//go:build race

package testkit

// RaceEnabled is whether the race detector is on, which allocates.
const RaceEnabled = true
