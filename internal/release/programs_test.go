package main

import (
	"strings"
	"testing"
)

// TestCheckSums checks that a program whose dependencies differ from go.sum is found.
func TestCheckSums(t *testing.T) {
	const (
		sums = "example.com/a v1.0.0 h1:AA=\nexample.com/a v1.0.0/go.mod h1:AM=\nexample.com/b v1.2.0 h1:BB=\n"
		head = "bearer-issuer: go1.26.8\n\tpath\t" + modulePath + "/cmd/bearer-issuer\n\tmod\t" + modulePath + "\tv0.1.0\th1:MM=\n"
		tail = "\tbuild\t-trimpath=true\n"
	)
	for _, row := range []struct{ deps, want string }{
		{"", ""},
		{"\tdep\texample.com/a\tv1.0.0\th1:AA=\n\tdep\texample.com/b\tv1.2.0\th1:BB=\n", ""},
		{"\tdep\texample.com/a\tv1.0.0\th1:EVIL=\n", "example.com/a v1.0.0 h1:EVIL="},
		{"\tdep\texample.com/a\tv1.0.1\th1:AA=\n", "example.com/a v1.0.1"},
		{"\tdep\texample.com/a\tv1.0.0\th1:AM=\n", "example.com/a v1.0.0 h1:AM="},
		{"\tdep\texample.com/a\tv1.0.0\n", "example.com/a v1.0.0"}, // a dependency without a hash
		{"\tdep\texample.com/a\tv1.0.0\n\t=>\texample.com/evil\tv1.0.0\th1:EVIL=\n", "example.com/a v1.0.0"},
	} {
		err := checkSums(head+row.deps+tail, sums)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: got the error %v, want an error with %q", row.deps, err, row.want)
		}
	}
}
