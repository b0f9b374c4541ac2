// Package buildinfo contains the text that the programs in the folder cmd print for the flag
// -version.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// Version returns one line that describes this build of a program. The line has no line break.
// It contains the version of the module and the version of Go. If the program was built in a
// clone, the line can also contain the revision.
func Version(program string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return Describe(program, info)
}

// Describe returns the line of Version for a build with this information. An empty version of
// the module becomes "(devel)". The go command writes this word for a build without a version.
func Describe(program string, info *debug.BuildInfo) string {
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	settings := make(map[string]string, len(info.Settings))
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	parts := []string{fmt.Sprint(program, " ", version)}
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += " with changes"
		}
		parts = append(parts, "revision "+revision)
	}
	parts = append(parts, info.GoVersion)
	if system, processor := settings["GOOS"], settings["GOARCH"]; system != "" && processor != "" {
		parts = append(parts, system+"/"+processor)
	}
	return strings.Join(parts, ", ")
}
