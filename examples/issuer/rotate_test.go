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
	url := p.field(t, "environment URL")
	before := get(t, http.DefaultClient, url+"/keys")
	p.rotate <- syscall.SIGHUP
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "The signing key is now snk_") {
		t.Fatalf("got line %q, want the new signing key", p.lines.Text())
	}
	if after := get(t, http.DefaultClient, url+"/keys"); strings.Count(before, "kid") != 1 || strings.Count(after, "kid") != 2 {
		t.Errorf("got keys %s, then %s, want one key, then two", before, after)
	}
}

// TestRotateBySignalFails checks that the program continues with the previous key if the
// new key cannot be saved.
func TestRotateBySignalFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "-state", filepath.Join(folder, "state.json"))
	if err := os.RemoveAll(folder); err != nil {
		t.Skip("this system cannot remove a folder in use: ", err)
	}
	p.rotate <- syscall.SIGHUP
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "The signing key was not rotated") {
		t.Fatalf("got line %q, want a failed rotation", p.lines.Text())
	}
	if keys := get(t, http.DefaultClient, p.field(t, "environment URL")+"/keys"); strings.Count(keys, "kid") != 1 {
		t.Errorf("got keys %s, want one key", keys)
	}
}
