//go:build !unix && !windows

package terminal

// columnsOf reports that the file is not a terminal, because this package does not know the
// terminals of this system.
func columnsOf(uintptr) (columns int, ok bool) { return 0, false }

func enableColor(uintptr) bool { return false }
