// Package picture draws the SVG pictures of the documentation.
//
// A picture is a card on a transparent page. GitHub shows it as an image in a column that is
// about 830 pixels wide, and on a phone about 390 pixels wide. A picture has a title and a
// description for screen readers, and colors for light and for dark pages. The style of the
// SVG selects the colors with the media query prefers-color-scheme, which browsers also
// evaluate in images.
package picture

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
)

// Width is the width of every picture, in units of the SVG. All positions have this unit.
const Width = 640

// scale is the size of a unit in pixels, if the page has enough space. With this size, the text
// of a picture is about as large as the text of a page on GitHub.
const scale = 1.15

// A Color has one value for light pages and one value for dark pages, for example "#1f2328". In
// a picture, a color must have only one meaning. Name is the meaning in lower case letters, and
// is the name of the color in the SVG.
type Color struct{ Name, Light, Dark string }

// These colors have the same meaning in all pictures. They are based on the colors of GitHub.
var (
	Card   = Color{"card", "#ffffff", "#151b23"}
	Border = Color{"border", "#d1d9e0", "#3d444d"}
	Grid   = Color{"grid", "#e4e8ec", "#2a313c"}
	Text   = Color{"text", "#1f2328", "#f0f6fc"}
	Muted  = Color{"muted", "#59636e", "#9198a1"} // less important text
)

// A Style is the appearance of a text.
type Style struct {
	Size  int // in units of the SVG
	Bold  bool
	Color Color
	// Anchor is the position of x in the text: "start", "middle" or "end". The empty string
	// means "start".
	Anchor string
}

// These styles are for all pictures.
var (
	Title   = Style{Size: 17, Bold: true, Color: Text}
	Heading = Style{Size: 15, Bold: true, Color: Text}
	Label   = Style{Size: 14, Color: Text}
	Note    = Style{Size: 13, Color: Muted}
)

// At returns a copy of the style with this anchor.
func (s Style) At(anchor string) Style { s.Anchor = anchor; return s }

// In returns a copy of the style with this color.
func (s Style) In(color Color) Style { s.Color = color; return s }

// Strong returns a copy of the style in bold type.
func (s Style) Strong() Style { s.Bold = true; return s }

// A Picture is an SVG. Create it with New. A Picture is not safe for concurrent use.
type Picture struct {
	title, description string
	body               bytes.Buffer
	fills, strokes     map[string]Color // by name
}

// New returns an empty picture. The title is short. The description says what a person sees
// who looks at the picture.
func New(title, description string) *Picture {
	return &Picture{title: title, description: description, fills: map[string]Color{}, strokes: map[string]Color{}}
}

func (p *Picture) fill(c Color) string {
	p.fills[c.Name] = c
	return "f-" + c.Name
}

func (p *Picture) stroke(c Color) string {
	p.strokes[c.Name] = c
	return "s-" + c.Name
}

// Text writes a line of text. The point (x, y) is on the baseline.
func (p *Picture) Text(x, y float64, style Style, text string) {
	weight, anchor := "", ""
	if style.Bold {
		weight = ` font-weight="600"`
	}
	if style.Anchor != "" {
		anchor = fmt.Sprintf(` text-anchor=%q`, style.Anchor)
	}
	fmt.Fprintf(&p.body, `<text x="%.1f" y="%.1f" class=%q font-size="%d"%s%s>%s</text>`+"\n", x, y, p.fill(style.Color), style.Size, weight, anchor, escape(text))
}

// Rect draws a filled rectangle. The point (x, y) is the top left corner.
func (p *Picture) Rect(x, y, width, height float64, fill Color) {
	fmt.Fprintf(&p.body, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class=%q/>`+"\n", x, y, width, height, p.fill(fill))
}

// Line draws a line along an SVG path.
func (p *Picture) Line(path string, width float64, stroke Color) {
	fmt.Fprintf(&p.body, `<path d=%q class=%q stroke-width="%.1f"/>`+"\n", path, p.stroke(stroke), width)
}

// Area fills a closed SVG path. The opacity is from 0 to 1.
func (p *Picture) Area(path string, opacity float64, fill Color) {
	fmt.Fprintf(&p.body, `<path d=%q class=%q fill-opacity="%.2f"/>`+"\n", path, p.fill(fill), opacity)
}

// SVG returns the picture with this height. The picture has a card with rounded corners behind
// everything.
func (p *Picture) SVG(height float64) []byte {
	card, border := p.fill(Card), p.stroke(Border)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="title description" font-family="-apple-system, 'Segoe UI', system-ui, 'Noto Sans', Helvetica, Arial, sans-serif">`+"\n",
		Width, height, Width*scale, height*scale)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"description\">%s</desc>\n", escape(p.title), escape(p.description))
	b.WriteString("<style>\ntext { font-variant-numeric: tabular-nums }\npath { stroke-linejoin: round }\n")
	p.writeColors(&b, "", func(c Color) string { return c.Light })
	b.WriteString("@media (prefers-color-scheme: dark) {\n")
	p.writeColors(&b, "\t", func(c Color) string { return c.Dark })
	b.WriteString("}\n</style>\n")
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%.0f" rx="6" class="%s %s"/>`+"\n", Width-1, height-1, card, border)
	b.Write(p.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// writeColors writes one rule for each color that the picture uses.
func (p *Picture) writeColors(b *bytes.Buffer, indent string, value func(Color) string) {
	for _, name := range slices.Sorted(maps.Keys(p.fills)) {
		fmt.Fprintf(b, "%s.f-%s { fill: %s }\n", indent, name, value(p.fills[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(p.strokes)) {
		fill := "fill: none; "
		if name == Border.Name {
			fill = "" // the card has a fill and a border
		}
		fmt.Fprintf(b, "%s.s-%s { %sstroke: %s }\n", indent, name, fill, value(p.strokes[name]))
	}
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // writes to a bytes.Buffer never fail
	return b.String()
}
