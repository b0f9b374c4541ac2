package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/picture"
)

// A bar is one row of a bar chart.
type bar struct {
	name        string
	base, over  float64 // the values of the two parts of the bar, which are the signature check and all other work
	allocations int64
	ours        bool
}

func (b bar) value() float64 { return b.base + b.over }

// A barChart is a bar chart with one unit. The columns right of the bars show the values and
// the numbers of allocations.
type barChart struct {
	heading, note string
	unit          string // heading of the column with the values
	keys          []picture.Key
	bars          []bar
}

var (
	ours      = picture.Color{Name: "bearer", Light: "#1a7f37", Dark: "#3fb950"}
	others    = picture.Color{Name: "other-library", Light: "#818b98", Dark: "#8b949e"}
	signature = picture.Color{Name: "signature", Light: "#9a7437", Dark: "#937a4b"}
)

const (
	edge         = 20                   // left edge of all texts
	right        = picture.Width - edge // right edge of the column with the allocations
	valueColumn  = right - 90           // right edge of the column with the values
	barsFrom     = 240                  // x position of the bars
	barsTo       = valueColumn - 52
	row, barSize = 22, 12
)

// chart returns docs/speed.svg. The picture has two bar charts, one for new tokens and one for
// repeated tokens.
func (r *results) chart() []byte {
	charts := []barChart{r.newTokenChart(), r.repeatedTokenChart()}
	description := "Lower is better."
	for _, c := range charts {
		description += " " + c.heading + ", " + c.note + ":"
		for i, b := range c.bars {
			if i > 0 {
				description += ","
			}
			description += fmt.Sprintf(" %s %.2f", b.name, b.value())
		}
		description += "."
	}
	const title = "CPU time of a request, RS256 access token"
	p := picture.New(title, description)
	p.Text(edge, 32, picture.Title, title)
	y := -14 + p.Paragraph(edge, 54, right-edge, picture.Note, "Lower is better. Every library checks the same tokens, in its own middleware.")
	for _, c := range charts {
		y = c.draw(p, y+38)
	}
	y = p.Paragraph(edge, y+30, right-edge, picture.Note, r.measured)
	return p.SVG(y - 6)
}

func (r *results) newTokenChart() barChart {
	f := r.first[0]
	c := barChart{
		heading: "New token", note: "CPU time divided by the CPU time of the signature check", unit: "ratio",
		keys: []picture.Key{{Color: signature, Text: "signature check"}, {Color: ours, Text: "other work of bearer"}, {Color: others, Text: "of other libraries"}},
		bars: []bar{{name: signatureCheck, base: 1, allocations: f.floor.Allocs}},
	}
	for _, p := range f.peers {
		c.bars = append(c.bars, bar{name: p.peer.Name, base: 1, over: max(0, p.cost.Ratio-1), allocations: p.cost.Allocs, ours: p.peer.Name == peers.Ours})
	}
	return c.sorted()
}

func (r *results) repeatedTokenChart() barChart {
	c := barChart{
		heading: "Repeated token", note: "CPU time in µs", unit: "µs",
		keys: []picture.Key{{Color: ours, Text: "bearer"}, {Color: others, Text: "other libraries"}},
	}
	for _, p := range r.repeated {
		if p.transport == "HTTP" {
			c.bars = append(c.bars, bar{name: p.peer.Name, over: float64(p.cost.Time) / 1e3, allocations: p.cost.Allocs, ours: p.peer.Name == peers.Ours})
		}
	}
	return c.sorted()
}

func (c barChart) sorted() barChart {
	slices.SortStableFunc(c.bars, func(a, b bar) int { return cmp.Compare(a.value(), b.value()) })
	return c
}

// draw draws the chart. The first baseline is at the height y. The result is the y position of the
// last baseline.
func (c barChart) draw(p *picture.Picture, y float64) float64 {
	most := 0.0
	for _, b := range c.bars {
		most = max(most, b.value())
	}
	x := func(value float64) float64 { return barsFrom + value/most*(barsTo-barsFrom) }
	p.Text(edge, y, picture.Heading, c.heading)
	p.Text(edge+picture.Heading.TextWidth(c.heading)+10, y, picture.Note, c.note)
	y += 22
	p.Legend(edge, y, barsTo-edge, picture.Note, c.keys...)
	p.Text(valueColumn, y, picture.Note.At("end"), c.unit)
	p.Text(right, y, picture.Note.At("end"), "allocations")
	top := y + 12
	bottom := top + float64(row*len(c.bars))
	for _, v := range axis(most) {
		p.Line(fmt.Sprintf("M%.1f %.1fV%.1f", x(v), top, bottom), 1, picture.Grid)
		p.Text(x(v), bottom+16, picture.Note.At("middle"), strconv.FormatFloat(v, 'f', -1, 64))
	}
	for i, b := range c.bars {
		top, label, color := top+float64(row*i), picture.Label, others
		if b.ours {
			label, color = label.Strong(), ours
		}
		p.Text(barsFrom-10, top+16, label.At("end"), b.name)
		if b.base > 0 {
			p.Rect(x(0), top+(row-barSize)/2, x(b.base)-x(0), barSize, signature)
		}
		if b.over > 0 {
			p.Rect(x(b.base), top+(row-barSize)/2, max(1.5, x(b.over)-x(0)), barSize, color)
		}
		p.Text(valueColumn, top+16, label.At("end"), fmt.Sprintf("%.2f", b.value()))
		p.Text(right, top+16, label.At("end"), formatCount(b.allocations))
	}
	return bottom + 16
}

// axis returns the values of the grid lines: 0 and up to five multiples of 1, 2 or 5 times a power
// of ten.
func axis(most float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if most/(step*factor) <= 5 {
			step *= factor
			break
		}
	}
	var values []float64
	for i := 0; float64(i)*step <= most; i++ {
		values = append(values, float64(i)*step)
	}
	return values
}
