package pty

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Open opens a terminal with this number of columns. A program writes to tty. The function
// output closes tty and returns what the program wrote, with "\n" at the end of each line.
func Open(t *testing.T, columns int) (tty *os.File, output func() string) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this system has no terminals for tests: ", err)
	}
	t.Cleanup(func() { _ = control.Close() })
	fd := int(control.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil { //nolint:gosec // tests choose small numbers
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	read := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(control) // at the end of the terminal, Linux returns the error EIO
		read <- string(text)
	}()
	return tty, func() string {
		_ = tty.Close()
		return strings.ReplaceAll(<-read, "\r\n", "\n")
	}
}
