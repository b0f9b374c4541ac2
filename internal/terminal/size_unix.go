//go:build unix

package terminal

import "golang.org/x/sys/unix"

// columnsOf returns the width of the terminal behind a file descriptor. If the file is not a
// terminal, ok is false. A terminal without a known size has the width 0.
func columnsOf(fd uintptr) (columns int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), true
}

func enableColor(uintptr) bool { return true }
