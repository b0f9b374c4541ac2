//go:build unix

package jwks_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Other users may be able to put a pipe in place of a file, after the check of the file and before
// it is opened. Nothing waits for a writer of the pipe.
func TestPipeInPlaceOfFile(t *testing.T) {
	folder := t.TempDir()
	path, file, pipe := filepath.Join(folder, "keys"), filepath.Join(folder, "file"), filepath.Join(folder, "pipe")
	content := strings.Repeat("x", 100)
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.WriteFile(file, []byte(content), 0o600)
			_ = os.Rename(file, path)
			_ = syscall.Mkfifo(pipe, 0o600)
			_ = os.Rename(pipe, path)
		}
	})
	defer swapper.Wait()
	defer close(stop)
	good, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
			data, err := jwks.ReadRegular(path, 1000)
			if err == nil && string(data) != content {
				t.Errorf("read %q", data)
			}
			if err == nil {
				good++
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("a read waits for a writer of the pipe")
	}
	if good == 0 {
		t.Error("no read succeeded, want some")
	}
}
