package stranger_test

import (
	"path/filepath"
	"testing"
)

// TestInModuleCache runs tests of the root package in the module cache, as the command go test all
// of a user does. Tests that read pages and files of the repository must not fail there.
func TestInModuleCache(t *testing.T) {
	needsRelease(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "user.go"), "package user\n\nimport _ \""+modulePath+"\"\n")
	command(t, dir, "go", "mod", "init", "example.com/user")
	command(t, dir, "go", "get", "-t", modulePath+"@"+version)
	command(t, dir, "go", "mod", "tidy")
	command(t, dir, "go", "test", "-vet=off", "-run", "^Test(API|Docs|Guide|Issuers|Threat|Limits|Vectors|Conformance|Profiles)", modulePath)
}
