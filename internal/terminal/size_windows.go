package terminal

import "golang.org/x/sys/windows"

// columnsOf returns the width of the console behind a handle. If the handle is not a console, ok is
// false.
func columnsOf(handle uintptr) (columns int, ok bool) {
	var info windows.ConsoleScreenBufferInfo
	if err := windows.GetConsoleScreenBufferInfo(windows.Handle(handle), &info); err != nil {
		return 0, false
	}
	return int(info.Window.Right-info.Window.Left) + 1, true
}

// enableColor makes the console interpret the sequences of [Screen.Paint]. It returns false for a
// console that cannot do so. Such consoles are older than Windows 10.
func enableColor(handle uintptr) bool {
	var mode uint32
	if windows.GetConsoleMode(windows.Handle(handle), &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(windows.Handle(handle), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
