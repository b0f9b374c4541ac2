// Package picturetest checks the pictures of package picture.
package picturetest

import (
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/picture"
)

const (
	minSize         = 13  // the smallest size of a text
	textContrast    = 4.5 // Web Content Accessibility Guidelines 2.2, 1.4.3
	graphicContrast = 3.0 // Web Content Accessibility Guidelines 2.2, 1.4.11
	margin          = 8   // between a text and the edge of the picture
)

type element struct {
	X       float64 `xml:"x,attr"`
	Y       float64 `xml:"y,attr"`
	Width   float64 `xml:"width,attr"`
	Height  float64 `xml:"height,attr"`
	Class   string  `xml:"class,attr"`
	Size    float64 `xml:"font-size,attr"`
	Weight  string  `xml:"font-weight,attr"`
	Anchor  string  `xml:"text-anchor,attr"`
	Fill    string  `xml:"fill,attr"`
	Stroke  string  `xml:"stroke,attr"`
	Content string  `xml:",chardata"`
}

type document struct {
	Role   string    `xml:"role,attr"`
	Label  string    `xml:"aria-labelledby,attr"`
	Box    string    `xml:"viewBox,attr"`
	Title  string    `xml:"title"`
	Desc   string    `xml:"desc"`
	Style  string    `xml:"style"`
	Texts  []element `xml:"text"`
	Rects  []element `xml:"rect"`
	Paths  []element `xml:"path"`
	Groups []element `xml:"g"`
}

// Faults returns the faults of a picture, each as a sentence. These are the faults that a
// person sees, for example a text that runs over the edge of the card, two texts on top of
// each other, a color that cannot be read on a dark page, or a color with two meanings.
// Faults also finds faults that a screen reader meets.
func Faults(svg []byte) []string {
	var d document
	if err := xml.Unmarshal(svg, &d); err != nil {
		return []string{"the SVG is not well-formed: " + err.Error()}
	}
	var faults []string
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if d.Title == "" || d.Desc == "" || d.Role != "img" || d.Label != "title description" {
		add("got title %q, description %q, role %q and label %q, want text for screen readers", d.Title, d.Desc, d.Role, d.Label)
	}
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(string(svg), bad) {
			add("the SVG contains %q", bad)
		}
	}
	if len(d.Groups) > 0 {
		add("the SVG has groups, which this check does not read")
	}
	return slices.Concat(faults, d.colorFaults(), d.textFaults())
}

var rule = regexp.MustCompile(`\.([fs])-([a-z-]+) \{ (?:fill: none; )?(?:fill|stroke): (#[0-9a-f]{6}) \}`)

// colorFaults returns the faults of the colors.
func (d *document) colorFaults() []string {
	var faults []string
	light, dark, found := strings.Cut(d.Style, "@media (prefers-color-scheme: dark)")
	if !found {
		return []string{"the SVG has no colors for dark pages"}
	}
	for _, mode := range []struct{ name, style string }{{"light", light}, {"dark", dark}} {
		colors, meanings := map[string]string{}, map[string]string{}
		for _, m := range rule.FindAllStringSubmatch(mode.style, -1) {
			colors[m[1]+"-"+m[2]] = m[3]
			if other, known := meanings[m[3]]; known && other != m[2] {
				faults = append(faults, fmt.Sprintf("%s page: the color %s means %q and %q", mode.name, m[3], other, m[2]))
			}
			meanings[m[3]] = m[2]
		}
		for _, e := range slices.Concat(d.Texts, d.Rects, d.Paths) {
			if e.Fill != "" || e.Stroke != "" || e.Class == "" {
				faults = append(faults, fmt.Sprintf("got fill %q, stroke %q and class %q, want only a class", e.Fill, e.Stroke, e.Class))
			}
			for class := range strings.FieldsSeq(e.Class) {
				faults = append(faults, contrastFaults(mode.name, class, e.Content, colors)...)
			}
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

// contrastFaults returns the fault of an element whose color is not readable on the card. The
// card, its border and the lines of the grid need no contrast.
func contrastFaults(mode, class, text string, colors map[string]string) []string {
	color, known := colors[class]
	if !known {
		return []string{fmt.Sprintf("%s page: the class %q has no color", mode, class)}
	}
	if slices.Contains([]string{picture.Card.Name, picture.Border.Name, picture.Grid.Name}, class[2:]) {
		return nil
	}
	want := graphicContrast
	if text != "" {
		want = textContrast
	}
	if got := contrast(color, colors["f-"+picture.Card.Name]); got < want {
		return []string{fmt.Sprintf("%s page: the contrast of %q (%s) is %.1f, want at least %.1f", mode, class, color, got, want)}
	}
	return nil
}

// contrast returns the contrast ratio of two colors, as WCAG defines it.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(color string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return math.NaN()
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			sum += weight * v / 12.92
		} else {
			sum += weight * math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return sum
}

// textFaults returns the texts that are too small, outside of the picture, or on top of each
// other.
func (d *document) textFaults() []string {
	var faults []string
	var width, height float64
	if _, err := fmt.Sscanf(d.Box, "0 0 %g %g", &width, &height); err != nil {
		return []string{fmt.Sprintf("viewBox %q: %v", d.Box, err)}
	}
	for i, e := range d.Texts {
		x0, x1 := e.span()
		if e.Size < minSize {
			faults = append(faults, fmt.Sprintf("the text %q has the size %g, want at least %d", e.Content, e.Size, minSize))
		}
		if x0 < margin || x1 > width-margin || e.Y-e.Size < 0 || e.Y > height-margin {
			faults = append(faults, fmt.Sprintf("the text %q is from %.0f to %.0f at height %.0f, want it inside %g x %g", e.Content, x0, x1, e.Y, width, height))
		}
		for _, other := range d.Texts[:i] {
			y0, y1 := other.span()
			if min(x1, y1) > max(x0, y0) && math.Abs(e.Y-other.Y) < max(e.Size, other.Size)*0.9 {
				faults = append(faults, fmt.Sprintf("the texts %q and %q overlap", other.Content, e.Content))
			}
		}
	}
	return faults
}

// span estimates the left and the right end of a text.
func (e element) span() (from, to float64) {
	width := picture.Style{Size: int(e.Size), Bold: e.Weight != ""}.TextWidth(e.Content)
	switch e.Anchor {
	case "end":
		return e.X - width, e.X
	case "middle":
		return e.X - width/2, e.X + width/2
	}
	return e.X, e.X + width
}
