package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/picture"
)

const (
	edge      = 20                   // left edge of all texts
	right     = picture.Width - edge // right edge of all panels
	plotLeft  = 72
	minPixels = 1.0 // smallest width of an outage
)

// A scale converts values to vertical positions.
type scale struct {
	low, high float64
	log       bool
}

// logScale returns a logarithmic scale from a power of ten to a power of ten.
func logScale(low, high float64) scale {
	return scale{low: math.Pow(10, math.Floor(math.Log10(low))), high: math.Pow(10, math.Ceil(math.Log10(high))), log: true}
}

// part returns the position of a value from 0 (low) to 1 (high).
func (s scale) part(v float64) float64 {
	if s.log {
		return math.Log(max(v, s.low)/s.low) / math.Log(s.high/s.low)
	}
	return (v - s.low) / (s.high - s.low)
}

// decades returns the powers of ten of a logarithmic scale.
func (s scale) decades() []float64 {
	var values []float64
	for v := s.low; v <= s.high*1.01; v *= 10 {
		values = append(values, v)
	}
	return values
}

// steps returns the multiples of step.
func (s scale) steps(step float64) []float64 {
	var values []float64
	for i := 0; float64(i)*step <= s.high*1.001; i++ {
		values = append(values, float64(i)*step)
	}
	return values
}

// roundUp rounds v up to 1, 2 or 5 times a power of ten. If v is not positive, the result is 1.
func roundUp(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if v <= factor*unit {
			return factor * unit
		}
	}
	return 10 * unit
}

// largest returns the largest value, or 1 if no value is positive.
func largest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if v > most {
			most = v
		}
	}
	if most == 0 {
		return 1
	}
	return most
}

// smallest returns the smallest positive value, or 1e-3 if no value is positive.
func smallest(values []float64) float64 {
	least := math.Inf(1)
	for _, v := range values {
		if v > 0 && v < least {
			least = v
		}
	}
	if math.IsInf(least, 1) {
		return 1e-3
	}
	return least
}

// A frame is the place of a chart in the picture. Its horizontal axis is the time of the run.
type frame struct {
	p           *picture.Picture
	r           *result
	top, height float64 // of the plot, without heading and axis
	scale       scale
}

// frame writes the heading, the note and the legend of a chart. The argument y is the baseline
// of the heading. The caller sets height and scale.
func (r *result) frame(p *picture.Picture, y float64, heading, note string, keys ...picture.Key) *frame {
	p.Text(edge, y, picture.Heading, heading)
	y = p.Paragraph(edge, y+19, right-edge, picture.Note, note)
	if len(keys) > 0 {
		y = p.Legend(edge, y+1, right-edge, picture.Note.In(picture.Text), keys...)
	}
	return &frame{p: p, r: r, top: y - 4}
}

func (f *frame) x(at time.Duration) float64 {
	seconds := max(f.r.span().Seconds(), 1e-3)
	return plotLeft + min(1, max(0, at.Seconds()/seconds))*(right-plotLeft)
}

func (f *frame) y(v float64) float64 { return f.top + (1-f.scale.part(v))*f.height }

// grid draws a horizontal line for each value.
func (f *frame) grid(values []float64, format func(float64) string) {
	for _, v := range values {
		f.p.Line(fmt.Sprintf("M%d %.1fH%d", plotLeft, f.y(v), right), 1, picture.Grid)
		f.p.Text(plotLeft-8, f.y(v)+4.5, picture.Note.At("end"), format(v))
	}
}

// timeAxis writes the times below the plot, and returns the baseline of the times.
func (f *frame) timeAxis() float64 {
	y := f.top + f.height + 17
	unit := time.Second
	if f.r.span() < 10*time.Second {
		unit = time.Second / 10
	}
	for i := range 5 {
		at, anchor := f.r.span()*time.Duration(i)/4, "middle"
		if i == 4 {
			anchor = "end"
		}
		f.p.Text(f.x(at), y, picture.Note.At(anchor), duration(at.Round(unit).Seconds()))
	}
	return y
}

// outages draws the outages of an issuer as gray areas, and its rotations as ticks.
func (f *frame) outages(issuer int) {
	for _, o := range f.r.outages {
		if o.issuer != issuer {
			continue
		}
		from, to := f.x(o.start.Sub(f.r.began)), f.x(f.r.span())
		if !o.end.IsZero() {
			to = f.x(o.end.Sub(f.r.began))
		}
		to = max(to, from+minPixels)
		f.p.Area(fmt.Sprintf("M%.1f %.1fH%.1fV%.1fH%.1fZ", from, f.top, to, f.top+f.height, from), 0.3, outageColor)
	}
	for _, rotation := range f.r.rotations {
		if rotation.issuer == issuer {
			f.p.Rect(f.x(rotation.at.Sub(f.r.began))-1, f.top+f.height-7, 2, 7, rotationColor)
		}
	}
}

// points calls add for each run of values without a gap. The argument of add are the numbers of
// the first and the last value of the run.
func points(values []float64, add func(first, last int)) {
	first := -1
	for i := range values {
		switch {
		case math.IsNaN(values[i]):
			if first >= 0 {
				add(first, i-1)
			}
			first = -1
		case first < 0:
			first = i
		}
	}
	if first >= 0 {
		add(first, len(values)-1)
	}
}

// at returns the horizontal position of a value. The value i belongs to the interval that ends
// with the sample i+1.
func (f *frame) at(i int) float64 { return f.x(f.r.samples[i+1].at.Sub(f.r.began)) }

// line draws the values as a line.
func (f *frame) line(values []float64, width float64, color picture.Color) {
	points(values, func(first, last int) {
		var path strings.Builder
		command := "M"
		for i := first; i <= last; i++ {
			fmt.Fprintf(&path, "%s%.1f %.1f", command, f.at(i), f.y(values[i]))
			command = "L"
		}
		f.p.Line(path.String(), width, color)
	})
}

// band fills the area between two lines. Both lines have their gaps at the same places.
func (f *frame) band(low, high []float64, opacity float64, color picture.Color) {
	points(high, func(first, last int) {
		var path strings.Builder
		command := "M"
		for i := first; i <= last; i++ {
			fmt.Fprintf(&path, "%s%.1f %.1f", command, f.at(i), f.y(high[i]))
			command = "L"
		}
		for i := last; i >= first; i-- {
			fmt.Fprintf(&path, "L%.1f %.1f", f.at(i), f.y(low[i]))
		}
		f.p.Area(path.String()+"Z", opacity, color)
	})
}

// formatNumber formats the label of an axis. The heading of the axis has the unit.
func formatNumber(v float64) string {
	if v >= 1000 {
		return thousands(int(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// duration formats a time in seconds with its unit.
func duration(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	if seconds >= 1000 {
		return thousands(int(math.Round(seconds))) + " s"
	}
	return fmt.Sprintf("%.3g s", seconds)
}
