package main

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// series is one line of a panel. A value NaN is a gap in the line.
type series struct {
	name   string
	values []float64
}

// panel is one graph. Its horizontal axis is the time of the run.
type panel struct {
	title, note string
	series      []series
	log         bool // logarithmic scale
	stacked     bool
	shade       bool // if true, the panel shades outages
	format      func(float64) string
}

const (
	panelWidth, panelHeight = 600, 250
	marginLeft, marginRight = 64, 16
	marginTop, marginBottom = 46, 58
	maxSeries               = 8
	minPixels               = 1.0
	gap                     = 14
)

// colors is based on the palette of Okabe and Ito, because some readers cannot distinguish red
// from green.
var colors = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#666666"}

// plot draws the figures as an SVG. The dashboard in metrics/dashboard.json has the same
// panels with the same metrics, except the panel of the heap.
func plot(r *result) []byte {
	panels := r.panels()
	columns, rows := 2, (len(panels)+1)/2
	width, height := columns*panelWidth+(columns+1)*gap, rows*panelHeight+(rows+1)*gap+44
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="12" fill="#222">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#f4f5f7"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="30" font-size="16" font-weight="600">%s</text>`+"\n", gap, html.EscapeString(r.headline()))
	for i, p := range panels {
		x, y := gap+(i%columns)*(panelWidth+gap), 44+gap+(i/columns)*(panelHeight+gap)
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", x, y)
		p.draw(&b, r)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func (r *result) headline() string {
	return fmt.Sprintf("%s requests in %s over HTTP and gRPC, %s refused, %d rotations, %d outages, %s wrong verdicts",
		thousands(r.total), duration(r.took.Round(time.Second).Seconds()), thousands(r.total-r.verdicts[""]), r.rotations, len(r.outages), thousands(r.wrong))
}

// panels returns the graphs of the samples.
func (r *result) panels() []panel {
	perSecond := func(v float64) string { return thousands(int(math.Round(v))) + "/s" }
	reasons := map[string]bool{}
	for _, s := range r.samples {
		for reason := range s.reasons {
			reasons[reason] = true
		}
	}
	requests := panel{title: "Requests by result", note: "per second", stacked: true, format: perSecond}
	for _, result := range []string{"allowed", "refused"} {
		requests.series = append(requests.series, series{result, r.rates(func(s sample) float64 { return s.results[result] })})
	}
	refusals := panel{title: "Refusals by reason", note: "per second, the most frequent reasons; outages are shaded", stacked: true, shade: true, format: perSecond}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		refusals.series = append(refusals.series, series{reason, r.rates(func(s sample) float64 { return s.reasons[reason] })})
	}
	refusals.series = largest(refusals.series)
	verdictTime := panel{title: "Time of a verdict", note: "p50 and p99, for cached tokens (hit) and other tokens (miss)", log: true, format: duration}
	for _, q := range []struct {
		name string
		of   func(hit, miss times) time.Duration
	}{
		{"p50 hit", func(hit, _ times) time.Duration { return hit.p50 }},
		{"p99 hit", func(hit, _ times) time.Duration { return hit.p99 }},
		{"p50 miss", func(_, miss times) time.Duration { return miss.p50 }},
		{"p99 miss", func(_, miss times) time.Duration { return miss.p99 }},
	} {
		verdictTime.series = append(verdictTime.series, series{q.name, r.perInterval(func(before, now sample) float64 {
			t := q.of(quantiles(bucketsSince(now.hitBuckets, before.hitBuckets)), quantiles(bucketsSince(now.missBuckets, before.missBuckets)))
			if t == 0 {
				return math.NaN()
			}
			return t.Seconds()
		})})
	}
	ages := panel{title: "Age of the keys", note: "time since the issuer last confirmed the keys; outages are shaded", shade: true, format: duration}
	for i, issuer := range r.issuers {
		name := fmt.Sprint("issuer ", i+1) // the URLs differ only in the port
		ages.series = append(ages.series, series{name, r.perSample(func(s sample) float64 {
			if age, ok := s.ages[issuer]; ok {
				return age
			}
			return math.NaN()
		})})
	}
	ratio := panel{title: "Token cache", note: "share of requests with a cached token", format: func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }}
	ratio.series = []series{{"hit ratio", r.perInterval(func(before, now sample) float64 {
		if all := now.hits + now.misses - before.hits - before.misses; all > 0 {
			return (now.hits - before.hits) / all
		}
		return math.NaN()
	})}}
	process := panel{title: "Heap", note: "servers, clients and issuers together", format: func(v float64) string { return fmt.Sprintf("%.0f MiB", v) }}
	process.series = []series{{"heap", r.perSample(func(s sample) float64 { return float64(s.heap) / (1 << 20) })}}
	return []panel{requests, refusals, verdictTime, ages, ratio, process}
}

// perSample calls the function figure for each sample except the first, and returns the results.
func (r *result) perSample(figure func(sample) float64) []float64 {
	return r.perInterval(func(_, now sample) float64 { return figure(now) })
}

// perInterval calls the function figure for each pair of consecutive samples, and returns the results.
func (r *result) perInterval(figure func(before, now sample) float64) []float64 {
	var values []float64
	for i := 1; i < len(r.samples); i++ {
		values = append(values, figure(r.samples[i-1], r.samples[i]))
	}
	return values
}

// rates returns the increase of a counter per second for all pairs of consecutive samples.
func (r *result) rates(of func(sample) float64) []float64 {
	return r.perInterval(func(before, now sample) float64 {
		if seconds := now.at.Sub(before.at).Seconds(); seconds > 0.05 {
			return (of(now) - of(before)) / seconds
		}
		return math.NaN()
	})
}

// largest returns at most maxSeries series. These are keys_unavailable, the largest other
// series, and the sum of the remaining series.
func largest(all []series) []series {
	if len(all) <= maxSeries {
		return all
	}
	sum := func(s series) (total float64) {
		if s.name == "keys_unavailable" {
			return math.Inf(1)
		}
		for _, v := range s.values {
			if !math.IsNaN(v) {
				total += v
			}
		}
		return total
	}
	slices.SortStableFunc(all, func(a, b series) int {
		if sum(a) > sum(b) {
			return -1
		}
		return 1
	})
	rest := series{"others", make([]float64, len(all[0].values))}
	for _, s := range all[maxSeries-1:] {
		for i, v := range s.values {
			rest.values[i] += v
		}
	}
	return append(slices.Clone(all[:maxSeries-1]), rest)
}

func duration(seconds float64) string {
	switch {
	case seconds == 0:
		return "0"
	case seconds >= 1000:
		return thousands(int(math.Round(seconds))) + " s"
	case seconds >= 1:
		return fmt.Sprintf("%.3g s", seconds)
	case seconds >= 1e-3:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	}
	return fmt.Sprintf("%.3g µs", seconds*1e6)
}
