package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

// A bar is one line of a bar chart.
type bar struct {
	name       string
	base, over float64 // the values of the two parts of the bar, which are the signature check and all other work
	label      string
	ours       bool
}

// chart returns docs/speed.svg. The picture has two bar charts, one for new tokens and one for
// repeated tokens.
func (r *results) chart() []byte {
	f := r.first[0]
	first := []bar{{name: signatureCheck, base: 1, label: formatTime(f.floor.Time)}}
	for _, p := range f.peers {
		first = append(first, bar{
			name: p.peer.Name, base: 1, over: max(0, p.cost.Ratio-1), ours: p.peer.Name == peers.Ours,
			label: fmt.Sprintf("%.2f ×, %d more allocations", p.cost.Ratio, p.cost.Allocs-f.floor.Allocs),
		})
	}
	var repeated []bar
	add := func(name string, cost measure.Cost, ours bool) {
		repeated = append(repeated, bar{
			name: name, over: float64(cost.Time) / 1e3, ours: ours,
			label: fmt.Sprintf("%s, %d allocations", formatTime(cost.Time), cost.Allocs),
		})
	}
	for _, p := range r.repeated {
		if p.transport == "HTTP" {
			add(p.peer.Name, p.cost, p.peer.Name == peers.Ours)
		}
	}
	byCost := func(a, b bar) int { return cmp.Compare(a.base+a.over, b.base+b.over) }
	slices.SortStableFunc(first, byCost)
	slices.SortStableFunc(repeated, byCost)

	var b bytes.Buffer
	top := 46 + height(len(first)) + 16
	total := top + height(len(repeated)) + 16
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="13" fill="#222">`+"\n", width, total, width, total)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#f4f5f7"/>`+"\n", width, total)
	fmt.Fprintf(&b, `<text x="16" y="30" font-size="16" font-weight="600">CPU time of a request with an RS256 access token, through the middleware of each library</text>`+"\n")
	drawCard(&b, 46, "A new token", "ratio; the ratio of the signature check is 1", first)
	drawCard(&b, top, "A repeated token", "CPU time", repeated)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

const (
	width   = 980
	left    = 232 // x position of the bars
	longest = 470 // width of the longest bar
	row     = 28
	heading = 52
)

func height(rows int) int { return heading + rows*row + 12 }

// drawCard draws a bar chart with a title and the unit of the values.
func drawCard(b *bytes.Buffer, y int, title, unit string, bars []bar) {
	most := 0.0
	for _, bar := range bars {
		most = max(most, bar.base+bar.over)
	}
	x := func(value float64) float64 { return value / most * longest }
	fmt.Fprintf(b, `<g transform="translate(16 %d)">`+"\n", y)
	fmt.Fprintf(b, `<rect width="%d" height="%d" rx="6" fill="#fff" stroke="#dcdfe4"/>`+"\n", width-32, height(len(bars)))
	fmt.Fprintf(b, `<text x="16" y="28" font-size="14" font-weight="600">%s<tspan dx="8" font-weight="400" fill="#777">%s</tspan></text>`+"\n", escape(title), escape(unit))
	for i, bar := range bars {
		top := heading + i*row
		colour, weight := "#b6bcc6", ""
		if bar.ours {
			colour, weight = "#1a7f5a", ` font-weight="600"`
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end"%s>%s</text>`+"\n", left-10, top+14, weight, escape(bar.name))
		if bar.base > 0 {
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="18" fill="#e3e6eb"/>`+"\n", left, top, x(bar.base))
		}
		if bar.over > 0 {
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="18" fill="%s"/>`+"\n", left+x(bar.base), top, max(1, x(bar.over)), colour)
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="#555"%s>%s</text>`+"\n", left+x(bar.base+bar.over)+8, top+14, weight, escape(bar.label))
	}
	b.WriteString("</g>\n")
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // writes to a bytes.Buffer never fail
	return b.String()
}
