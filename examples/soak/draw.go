package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// scale converts values to vertical positions.
type scale struct {
	low, high float64
	log       bool
}

func (p *panel) scale(stacked []series) scale {
	s := scale{high: 0, low: math.Inf(1), log: p.log}
	for _, line := range stacked {
		for _, v := range line.values {
			if !math.IsNaN(v) {
				s.high, s.low = max(s.high, v), min(s.low, v)
			}
		}
	}
	if s.high == 0 {
		s.high = 1
	}
	if p.log {
		s.low, s.high = math.Pow(10, math.Floor(math.Log10(max(s.low, 1e-9)))), math.Pow(10, math.Ceil(math.Log10(s.high)))
		return s
	}
	s.low = 0
	step := roundUp(s.high / 4)
	s.high = step * math.Ceil(s.high/step)
	return s
}

// roundUp rounds v up to 1, 2 or 5 times a power of ten.
func roundUp(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if v <= factor*unit {
			return factor * unit
		}
	}
	return 10 * unit
}

// ticks returns the values of the horizontal lines.
func (s scale) ticks() []float64 {
	var values []float64
	if s.log {
		for v := s.low; v <= s.high*1.01; v *= 10 {
			values = append(values, v)
		}
		return values
	}
	step := roundUp(s.high / 4)
	for v := 0.0; v <= s.high*1.001; v += step {
		values = append(values, v)
	}
	return values
}

// y returns the distance of a value from the top of the panel.
func (s scale) y(v float64) float64 {
	part := (v - s.low) / (s.high - s.low)
	if s.log {
		part = math.Log(max(v, s.low)/s.low) / math.Log(s.high/s.low)
	}
	return marginTop + (1-part)*(panelHeight-marginTop-marginBottom)
}

// draw writes the panel. The origin is the top left corner of the panel.
func (p *panel) draw(b *strings.Builder, r *result) {
	seconds := max(r.took.Seconds(), 1e-3)
	x := func(at time.Duration) float64 {
		return marginLeft + min(1, max(0, at.Seconds()/seconds))*(panelWidth-marginLeft-marginRight)
	}
	fmt.Fprintf(b, `<rect width="%d" height="%d" rx="6" fill="#fff" stroke="#dcdfe4"/>`+"\n", panelWidth, panelHeight)
	fmt.Fprintf(b, `<text x="14" y="22" font-weight="600">%s<tspan dx="8" font-weight="400" fill="#777">%s</tspan></text>`+"\n", html.EscapeString(p.title), html.EscapeString(p.note))
	if p.shade {
		for _, o := range r.outages {
			from, to := x(o.start.Sub(r.began)), x(r.took)
			if !o.end.IsZero() {
				to = x(o.end.Sub(r.began))
			}
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" opacity="0.10"/>`+"\n", from, marginTop, max(to-from, minPixels), panelHeight-marginTop-marginBottom, colors[o.issuer%len(colors)])
		}
	}
	lines := p.series
	if p.stacked {
		lines = stack(p.series)
	}
	s := p.scale(lines)
	for _, v := range s.ticks() {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#e8eaed"/><text x="%d" y="%.1f" text-anchor="end" fill="#777">%s</text>`+"\n",
			marginLeft, s.y(v), panelWidth-marginRight, marginLeft-6, s.y(v)+4, html.EscapeString(p.format(v)))
	}
	for i := range 5 {
		at := time.Duration(float64(r.took) * float64(i) / 4)
		unit := time.Second
		if r.took < 10*time.Second {
			unit = time.Second / 10
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#777">%s</text>`+"\n", x(at), panelHeight-marginBottom+16, duration(at.Round(unit).Seconds()))
	}
	for i := len(lines) - 1; i >= 0; i-- { // draw the lowest series of a stack last, because it must cover the other series
		p.drawLine(b, lines[i], colors[i%len(colors)], s, func(n int) float64 { return x(r.samples[n+1].at.Sub(r.began)) })
	}
	p.legend(b)
}

func (p *panel) drawLine(b *strings.Builder, line series, color string, s scale, x func(int) float64) {
	var path strings.Builder
	first, last, gap := -1, -1, true
	for i, v := range line.values {
		if math.IsNaN(v) {
			gap = gap || !p.stacked
			continue
		}
		command := "L"
		if gap {
			command, gap = "M", false
		}
		if first < 0 {
			first = i
		}
		last = i
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x(i), s.y(v))
	}
	if first < 0 {
		return
	}
	if p.stacked {
		fmt.Fprintf(b, `<path d="%sL%.1f %.1fL%.1f %.1fZ" fill="%s"/>`+"\n", path.String(), x(last), s.y(s.low), x(first), s.y(s.low), color)
		return
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round"/>`+"\n", path.String(), color)
}

func (p *panel) legend(b *strings.Builder) {
	x, y := float64(marginLeft), float64(panelHeight-20)
	for i, line := range p.series {
		width := 26 + 6.6*float64(len(line.name))
		if x+width > panelWidth-marginRight {
			x, y = marginLeft, y+15
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="10" height="10" fill="%s"/><text x="%.1f" y="%.1f" fill="#444">%s</text>`+"\n",
			x, y-9, colors[i%len(colors)], x+14, y, html.EscapeString(line.name))
		x += width
	}
}

// stack returns the series in stacked form. It adds the sum of all earlier series to each
// series.
func stack(all []series) []series {
	stacked := make([]series, len(all))
	for n, s := range all {
		stacked[n] = series{s.name, make([]float64, len(s.values))}
		for i, v := range s.values {
			if n > 0 {
				if below := stacked[n-1].values[i]; !math.IsNaN(below) && !math.IsNaN(v) {
					v += below
				}
			}
			stacked[n].values[i] = v
		}
	}
	return stacked
}
