package picture

import (
	"strings"
	"unicode"
)

// TextWidth estimates the width of a text. The font of a reader can be narrower, because the
// estimate is for DejaVu Sans, the widest of the usual fonts.
func (s Style) TextWidth(text string) float64 {
	ems := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune("ijl.,:;'|! ", r):
			ems += 0.33
		case strings.ContainsRune("frt()-/", r):
			ems += 0.42
		case strings.ContainsRune("mwMW@%", r):
			ems += 0.95
		case unicode.IsUpper(r):
			ems += 0.70
		default:
			ems += 0.63
		}
	}
	if s.Bold {
		ems *= 1.1
	}
	return ems * float64(s.Size)
}

// lineHeight is the distance of two lines of a paragraph, as a multiple of the text size.
const lineHeight = 1.45

// Paragraph writes text in lines of at most this width, and returns the y position of the line
// that follows the paragraph. The point (x, y) is on the baseline of the first line.
func (p *Picture) Paragraph(x, y, width float64, style Style, text string) float64 {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && style.TextWidth(line+" "+word) > width {
			p.Text(x, y, style, line)
			line, y = "", y+lineHeight*float64(style.Size)
		}
		line = strings.TrimSpace(line + " " + word)
	}
	p.Text(x, y, style, line)
	return y + lineHeight*float64(style.Size)
}

// A Key is one entry of a legend.
type Key struct {
	Color Color
	Text  string
}

const swatch = 11 // width and height of the colored square of a legend

// Legend writes the keys in lines of at most this width, and returns the y position of the line
// that follows the legend. The point (x, y) is on the baseline of the first line.
func (p *Picture) Legend(x, y, width float64, style Style, keys ...Key) float64 {
	left := x
	for _, key := range keys {
		need := swatch + 6 + style.TextWidth(key.Text)
		if x > left && x+need > left+width {
			x, y = left, y+lineHeight*float64(style.Size)
		}
		p.Rect(x, y-swatch+1, swatch, swatch, key.Color)
		p.Text(x+swatch+6, y, style, key.Text)
		x += need + 16
	}
	return y + lineHeight*float64(style.Size)
}
