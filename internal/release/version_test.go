package main

import (
	"strings"
	"testing"
)

func TestCheckSuccessor(t *testing.T) {
	for _, test := range []struct{ last, version, want string }{
		{"", "v0.1.0", ""},
		{"", "v0.1.0-rc.1", "without a suffix"},
		{"", "v0.2.0", "want v0.1.0 as the first release"},
		{"", "v1.0.0", "want v0.1.0 as the first release"},
		{"", "v0.0.0", "want v0.1.0 as the first release"},
		{"", "0.1.0", "want a version such as v0.1.0"},
		{"", "v0.1", "want a version such as v0.1.0"},
		{"", "v0.1.0+build", "want a version such as v0.1.0"},
		{"", "", "want a version such as v0.1.0"},
		{"v0.1.0", "v0.1.1", ""},
		{"v0.1.0", "v0.2.0", ""},
		{"v0.1.0", "v1.0.0", ""},
		{"v0.1.9", "v0.1.10", ""},
		{"v0.1.0", "v0.2.0-rc.1", "without a suffix"},
		{"v0.1.0", "v0.1.0", "want v0.1.1 or v0.2.0 or v1.0.0 after v0.1.0"},
		{"v0.1.0", "v0.1.0-rc.1", "without a suffix"},
		{"v0.1.0", "v0.0.9", "after v0.1.0"},
		{"v0.1.0", "v0.1.2", "after v0.1.0"},
		{"v0.1.0", "v0.2.1", "after v0.1.0"},
		{"v0.1.0", "v0.20.0", "after v0.1.0"},
		{"v1.2.3", "v1.2.4", ""},
		{"v1.2.3", "v1.3.0", ""},
		{"v1.2.3", "v0.9.0", "want v1.2.4 or v1.3.0 after v1.2.3"},
		{"v1.2.3", "v2.0.0", "want v1.2.4 or v1.3.0 after v1.2.3"},
		{"v1.2.3", "v2.1.0", "after v1.2.3"},
	} {
		checkError(t, test.last+" "+test.version, checkSuccessor(test.last, test.version), test.want)
	}
}

func TestCheckChange(t *testing.T) {
	for _, test := range []struct {
		last, version string
		change        change
		want          string
	}{
		{"v0.1.0", "v0.1.1", none, ""},
		{"v0.1.0", "v0.1.1", compatible, "version v0.1.1 is too small for the new names above; after v0.1.0, the next version is v0.2.0"},
		{"v0.1.0", "v0.1.1", incompatible, "version v0.1.1 is too small for the incompatible changes above; after v0.1.0, the next version is v0.2.0"},
		{"v0.1.0", "v0.1.1-rc.1", incompatible, "is too small"},
		{"v0.1.0", "v0.2.0", compatible, ""},
		{"v0.1.0", "v0.2.0", incompatible, ""},
		{"v0.1.0", "v1.0.0", incompatible, ""},
		{"v1.2.3", "v1.2.4", none, ""},
		{"v1.2.3", "v1.2.4", compatible, "is too small for the new names above; after v1.2.3, the next version is v1.3.0"},
		{"v1.2.3", "v1.2.4", incompatible, "is too small for the incompatible changes above; after v1.2.3, the next version is v2.0.0"},
		{"v1.2.3", "v1.3.0", compatible, ""},
		{"v1.2.3", "v1.3.0", incompatible, "the next version is v2.0.0"},
		{"v1.2.3", "v2.0.0", incompatible, ""},
	} {
		checkError(t, test.last+" "+test.version, checkChange(test.last, test.version, test.change), test.want)
	}
}

// checkError checks that the text of err contains want. An empty want means no error.
func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: got the error %v, want none", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: got the error %v, want %q", name, err, want)
	}
}

func TestLastRelease(t *testing.T) {
	for _, test := range []struct{ tags, want string }{
		{"", ""},
		{"v0.9.0 v0.10.0 v0.2.0", "v0.10.0"},
		{"v0.1.0 v0.2.0-rc.1 tracing/v0.3.0 v0.4 v1 vendor 0.5.0 v0.6.0+x", "v0.1.0"},
	} {
		if got := lastRelease(strings.Fields(test.tags)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.tags, got, test.want)
		}
	}
}
