package buildinfo_test

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/buildinfo"
)

func TestDescribe(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	platform := []debug.BuildSetting{{Key: "-compiler", Value: "gc"}, {Key: "GOARCH", Value: "amd64"}, {Key: "GOOS", Value: "linux"}}
	clone := append([]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}}, platform...)
	for _, row := range []struct {
		name     string
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"installed release", "v0.1.0", platform, "p v0.1.0, go1.26.1, linux/amd64"},
		{"clone", "v0.0.0-20261201040000-0123456789ab", append(clone, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "p v0.0.0-20261201040000-0123456789ab, revision " + revision + ", go1.26.1, linux/amd64"},
		{"changed clone", "(devel)", append(clone, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "p (devel), revision " + revision + " with changes, go1.26.1, linux/amd64"},
		{"clone without -buildvcs", "(devel)", platform, "p (devel), go1.26.1, linux/amd64"},
		{"no information", "", nil, "p (devel), go1.26.1"},
	} {
		info := &debug.BuildInfo{GoVersion: "go1.26.1", Main: debug.Module{Version: row.version}, Settings: row.settings}
		if got := buildinfo.Describe("p", info); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

// TestVersion checks that the line describes the test itself, which is also a build of this module.
func TestVersion(t *testing.T) {
	got := buildinfo.Version("p")
	if !strings.HasPrefix(got, "p (devel), ") && !strings.HasPrefix(got, "p v") || !strings.Contains(got, ", "+runtime.Version()) || strings.Contains(got, "\n") {
		t.Errorf("got %q, want one line with the name, the version of the module and %s", got, runtime.Version())
	}
}
