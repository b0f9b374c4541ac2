package stranger_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the longest time in which a program must start, or print a line.
const patience = time.Minute

// process is a running program.
type process struct {
	mu  sync.Mutex // guards out
	out bytes.Buffer
}

// Write adds to the output of the program.
func (p *process) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(data)
}

// output returns the output until now.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// waitFor waits until the output contains text, and returns the output.
func (p *process) waitFor(t *testing.T, text string) string {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(10 * time.Millisecond) {
		if out := p.output(); strings.Contains(out, text) {
			return out
		}
	}
	t.Fatalf("got no output with %q after %v, want some; output:\n%s", text, patience, p.output())
	return ""
}

// start starts a program of a stranger. The program ends at the end of the test.
func start(t *testing.T, dir string, words ...string) *process {
	t.Helper()
	path, err := lookPath(words[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := new(process)
	cmd := exec.CommandContext(ctx, path, words[1:]...) //nolint:gosec // the test has built the program
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, released.env, p, p
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // the program ends by the signal, so its exit status means nothing
	})
	return p
}

// freeAddress returns an address on the loopback interface on which no program listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// waitForServer waits until a program listens on an address.
func waitForServer(t *testing.T, p *process, address string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(10 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("no program listens on %s after %v; output:\n%s", address, patience, p.output())
}
