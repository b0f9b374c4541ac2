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
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "Signing with a new key, snk_") {
		t.Fatalf("got %q", p.lines.Text())
	}
	if after := get(t, http.DefaultClient, url+"/keys"); strings.Count(before, "kid") != 1 || strings.Count(after, "kid") != 2 {
		t.Errorf("got %s, then %s", before, after)
	}
}

// A key that cannot be kept is not signed with, and the program goes on.
func TestRotateBySignalFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "-state", filepath.Join(folder, "state.json"))
	if err := os.RemoveAll(folder); err != nil {
		t.Skip("what is in use cannot be removed here: ", err)
	}
	p.rotate <- syscall.SIGHUP
	if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "The signing key is the one before") {
		t.Fatalf("got %q", p.lines.Text())
	}
	if keys := get(t, http.DefaultClient, p.field(t, "environment URL")+"/keys"); strings.Count(keys, "kid") != 1 {
		t.Errorf("got %s", keys)
	}
}
