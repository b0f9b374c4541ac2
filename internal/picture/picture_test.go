package picture_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/picture"
	"github.com/bearerkit/bearer/internal/picture/picturetest"
)

var blue = picture.Color{Name: "allowed", Light: "#0969da", Dark: "#4493f8"}

// good draws a picture without faults.
func good() *picture.Picture {
	p := picture.New("Title & more", "Two <things>")
	p.Text(20, 30, picture.Title, "CPU time & memory")
	p.Text(620, 60, picture.Note.At("end"), "lower is better")
	p.Rect(20, 70, 100, 10, blue)
	p.Line("M20 90H620", 1, picture.Grid)
	p.Area("M20 100H30V110Z", 0.5, blue)
	return p
}

func TestPicture(t *testing.T) {
	svg := good().SVG(200)
	if faults := picturetest.Faults(svg); len(faults) > 0 {
		t.Errorf("got the faults %q, want none", faults)
	}
	for _, want := range []string{
		`<title id="title">Title &amp; more</title>`, `<desc id="description">Two &lt;things&gt;</desc>`, `viewBox="0 0 640 200"`,
		".f-allowed { fill: #0969da }", "\t.f-allowed { fill: #4493f8 }", ".s-grid { fill: none; stroke: #e4e8ec }", ".f-card { fill: #ffffff }",
	} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture does not contain %q:\n%s", want, svg)
		}
	}
}

// TestFaults tests that each fault of a picture is found.
func TestFaults(t *testing.T) {
	for _, row := range []struct {
		name   string
		add    func(*picture.Picture)
		change func(string) string
		want   string
	}{
		{"text over the right edge", func(p *picture.Picture) { p.Text(600, 120, picture.Note, "120 s") }, nil, `the text "120 s" is from 600 to`},
		{"text over the left edge", func(p *picture.Picture) { p.Text(20, 120, picture.Note.At("end"), "1,000") }, nil, "want it inside"},
		{"text below the card", func(p *picture.Picture) { p.Text(20, 199, picture.Note, "x") }, nil, "want it inside"},
		{"two texts in one place", func(p *picture.Picture) { p.Text(60, 34, picture.Note, "x") }, nil, "overlap"},
		{"small text", func(p *picture.Picture) { p.Text(20, 120, picture.Style{Size: 9, Color: picture.Text}, "x") }, nil, "has the size 9"},
		{"one color with two meanings", func(p *picture.Picture) {
			p.Rect(20, 120, 5, 5, picture.Color{Name: "issuer", Light: "#111111", Dark: blue.Dark})
		}, nil, `dark page: the color #4493f8 means "allowed" and "issuer"`},
		{"text that is not readable", func(p *picture.Picture) {
			p.Text(20, 120, picture.Note.In(picture.Color{Name: "pale", Light: "#b6bcc6", Dark: "#fafafa"}), "x")
		}, nil, `light page: the contrast of "f-pale"`},
		{"bar that is not visible", func(p *picture.Picture) {
			p.Rect(20, 120, 5, 5, picture.Color{Name: "pale", Light: "#111111", Dark: "#222222"})
		}, nil, `dark page: the contrast of "f-pale"`},
		{"value that is not a number", nil, func(svg string) string { return strings.Replace(svg, "M20 90", "MNaN 90", 1) }, `contains "NaN"`},
		{"no colors for dark pages", nil, func(svg string) string { return strings.Replace(svg, "prefers-color-scheme: dark", "print", 1) }, "no colors for dark pages"},
		{"no title", nil, func(svg string) string { return strings.Replace(svg, "Title &amp; more", "", 1) }, "want text for screen readers"},
		{"color without a class", nil, func(svg string) string { return strings.Replace(svg, `class="s-grid"`, `stroke="#eee"`, 1) }, "want only a class"},
		{"not well-formed", nil, func(svg string) string { return svg[:len(svg)-10] }, "not well-formed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := good()
			if row.add != nil {
				row.add(p)
			}
			svg := string(p.SVG(200))
			if row.change != nil {
				svg = row.change(svg)
			}
			if got := strings.Join(picturetest.Faults([]byte(svg)), "\n"); !strings.Contains(got, row.want) {
				t.Errorf("got the faults %q, want %q", got, row.want)
			}
		})
	}
}

func TestMeasured(t *testing.T) {
	now := time.Date(2026, 12, 1, 23, 30, 0, 0, time.FixedZone("", -3600))
	got := picture.Measured(now)
	for _, want := range []string{"Measured on 2026-12-02 with " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH, "processor"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in the text", got, want)
		}
	}
}
