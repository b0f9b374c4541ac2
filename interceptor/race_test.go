//go:build race

package interceptor_test

const raceEnabled = true
