package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRotateBySignal(t *testing.T) {
	p := startProgram(t)
	url := p.bannerField(t, "environment URL")
	before := getURL(t, http.DefaultClient, url+"/keys")
	p.rotate <- syscall.SIGHUP
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "The signing key is now snk_") {
		t.Fatalf("got line %q, want the new signing key", p.lines.Text())
	}
	if after := getURL(t, http.DefaultClient, url+"/keys"); strings.Count(before, `"kid":`) != 1 || strings.Count(after, `"kid":`) != 2 {
		t.Errorf("got keys %s before the rotation and keys %s after the rotation, want one key before and two keys after the rotation", before, after)
	}
}

// TestRotateBySignalFails checks that the program continues with the previous key, if the
// program cannot save the new key.
func TestRotateBySignalFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "-state", filepath.Join(folder, "state.json"))
	if err := os.RemoveAll(folder); err != nil {
		t.Skip("this system cannot remove a folder that a program uses: ", err)
	}
	p.rotate <- syscall.SIGHUP
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "The signing key was not rotated") {
		t.Fatalf("got line %q, want a line that reports a failed rotation", p.lines.Text())
	}
	if keys := getURL(t, http.DefaultClient, p.bannerField(t, "environment URL")+"/keys"); strings.Count(keys, `"kid":`) != 1 {
		t.Errorf("got keys %s, want one key", keys)
	}
}
