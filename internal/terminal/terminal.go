// Package terminal fits the output of a program to the screen of the reader. It finds the width
// of the screen, breaks lines, and adds colors. Only programs import this package.
package terminal

import (
	"io"
	"os"
	"strconv"
)

const (
	// DefaultWidth is the width in columns if the output is not a terminal.
	DefaultWidth = 100
	// MinWidth is the minimum width in columns. On a smaller screen, the terminal breaks the
	// lines.
	MinWidth = 40
	// unknownWidth is the width in columns of a terminal that does not know its width.
	unknownWidth = 80
	// maxWidth is the maximum width in columns that the size of a terminal sets. Longer lines
	// are hard to read.
	maxWidth = 120
)

// Screen is the place where a program prints its output. The zero value prints no colors and has
// the width 0, so a program calls [Of].
type Screen struct {
	// Width is the number of columns. A program prints no longer lines, except commands that the
	// reader copies.
	Width int
	// Color is true if the program may print colors.
	Color bool
}

// Of returns the screen behind w. The function env returns the values of environment variables, as
// [os.Getenv] does.
//
// The width is the value of the variable COLUMNS, or the width of the terminal, but at most 120
// columns, or [DefaultWidth]. It is at least [MinWidth]. Colors are for terminals only. The
// variable NO_COLOR with any value switches the colors off (https://no-color.org), and TERM=dumb
// does so too.
func Of(w io.Writer, env func(name string) string) Screen {
	s := Screen{Width: DefaultWidth}
	if file, ok := w.(*os.File); ok {
		if columns, ok := columnsOf(file.Fd()); ok {
			s.Width = min(columns, maxWidth)
			if columns <= 0 {
				s.Width = unknownWidth
			}
			s.Color = env("NO_COLOR") == "" && env("TERM") != "dumb" && enableColor(file.Fd())
		}
	}
	if columns, err := strconv.Atoi(env("COLUMNS")); err == nil && columns > 0 {
		s.Width = columns
	}
	s.Width = max(s.Width, MinWidth)
	return s
}

// Style is a color or a weight of the font.
type Style string

// The styles use the 16 colors that each user can choose for a dark or a light screen.
const (
	Good  Style = "32"   // green: as expected
	Bad   Style = "1;31" // bold and red: a failure
	Note  Style = "33"   // yellow: worth a look
	Title Style = "1"    // bold
)

// Paint returns text in the style. If the screen has no colors, Paint returns text unchanged.
// Colors never carry the only information, because many readers see no colors.
func (s Screen) Paint(style Style, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
