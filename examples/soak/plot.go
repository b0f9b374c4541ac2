package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/picture"
)

// The colors of the plot. Each color has one meaning in all panels.
var (
	allowedColor   = picture.Color{Name: "allowed", Light: "#0969da", Dark: "#4493f8"}
	refusedColor   = picture.Color{Name: "refused", Light: "#bc4c00", Dark: "#f0883e"}
	ageColor       = picture.Color{Name: "age", Light: "#8250df", Dark: "#a371f7"}
	outageColor    = picture.Color{Name: "outage", Light: "#818b98", Dark: "#7d8590"}
	rotationColor  = picture.Color{Name: "rotation", Light: "#25292e", Dark: "#e6edf3"}
	cachedColor    = picture.Color{Name: "cached", Light: "#1a7f37", Dark: "#3fb950"}
	notCachedColor = picture.Color{Name: "not-cached", Light: "#bf3989", Dark: "#db61a2"}
	heapColor      = picture.Color{Name: "heap", Light: "#0e7490", Dark: "#22b8cf"}
)

// A reasonGroup is a set of reasons that have the same cause. The plot shows the groups, because
// a person cannot distinguish the colors of 16 reasons.
type reasonGroup struct {
	color   picture.Color
	reasons []bearer.Reason
}

// reasonGroups returns the groups in the order of the plot, from the bottom. The groups of the
// keys come first, because they change in outages and rotations. The other groups have shades
// of brown.
func reasonGroups() []reasonGroup {
	return []reasonGroup{
		{picture.Color{Name: "keys-unavailable", Light: "#a40e26", Dark: "#ffa198"}, []bearer.Reason{bearer.KeysUnavailable}},
		{picture.Color{Name: "unknown-key", Light: "#e5534b", Dark: "#da3633"}, []bearer.Reason{bearer.UnknownKey, bearer.KeyNotAsked}},
		{picture.Color{Name: "forged", Light: "#4d2d00", Dark: "#ffe2bb"}, []bearer.Reason{bearer.BadSignature, bearer.WrongAlgorithm, bearer.WrongIssuer}},
		{picture.Color{Name: "claims", Light: "#845306", Dark: "#d9a35e"}, []bearer.Reason{
			bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.WrongType, bearer.WrongBinding, bearer.InvalidCustom,
		}},
		{picture.Color{Name: "scope", Light: "#5b5a1f", Dark: "#8f7a3a"}, []bearer.Reason{bearer.MissingScope}},
		{picture.Color{Name: "no-token", Light: "#b7791f", Dark: "#b8722c"}, []bearer.Reason{bearer.NoToken, bearer.InvalidRequest, bearer.Malformed}},
	}
}

// otherReasons is the color of reasons that are in no group.
var otherReasons = picture.Color{Name: "other-reasons", Light: "#5f6b7a", Dark: "#aab4c0"}

// A series is one line, or one band of a stack. The value NaN is a gap.
type series struct {
	key    picture.Key
	values []float64
}

// plot draws the figures as an SVG. The dashboard in metrics/dashboard.json has panels with the
// same metrics, except the panel of the heap. All panels have the same time axis, so that an
// outage and its effects are above each other.
func plot(r *result) []byte {
	took := duration(r.span().Round(time.Second).Seconds())
	title := fmt.Sprintf("Soak test: %s wrong verdicts in %s requests", thousands(r.wrong), thousands(r.total))
	p := picture.New(title, fmt.Sprintf("Six charts of %s, above each other with the same time axis: requests by result, age of the keys of %d issuers, refusals by reason, latency of a verdict, token cache, and heap. "+
		"%s requests were allowed and %s were refused. There were %d key rotations and %d outages of issuers.",
		took, len(r.issuers), thousands(r.verdicts[""]), thousands(r.total-r.verdicts[""]), len(r.rotations), len(r.outages)))
	p.Text(edge, 32, picture.Title, title)
	y := -14 + p.Paragraph(edge, 54, right-edge, picture.Note, fmt.Sprintf("%s over HTTP and gRPC, %s planned requests per second, %d %% of them hostile. The %d issuers have %d key rotations and %d outages.",
		took, thousands(r.cfg.rate), 100-validPart, len(r.issuers), len(r.rotations), len(r.outages)))
	for _, draw := range []func(*picture.Picture, float64) float64{r.drawRequests, r.drawAges, r.drawRefusals, r.drawLatency, r.drawCache, r.drawHeap} {
		y = draw(p, y+38)
	}
	return p.SVG(p.Paragraph(edge, y+30, right-edge, picture.Note, r.measured) - 6)
}

func (r *result) drawRequests(p *picture.Picture, y float64) float64 {
	var stack []series
	for _, s := range []struct {
		result string
		color  picture.Color
	}{{"allowed", allowedColor}, {"refused", refusedColor}} {
		stack = append(stack, series{picture.Key{Color: s.color, Text: s.result}, r.rates(func(now sample) float64 { return now.results[s.result] })})
	}
	return r.drawStack(p, y, "Requests by result", "Per second, at the time of the verdict.", stack)
}

func (r *result) drawRefusals(p *picture.Picture, y float64) float64 {
	rest := map[string]bool{}
	for _, s := range r.samples {
		for reason := range s.reasons {
			rest[reason] = true
		}
	}
	rate := func(reasons []string) []float64 {
		return r.rates(func(now sample) (sum float64) {
			for _, reason := range reasons {
				sum += now.reasons[reason]
			}
			return sum
		})
	}
	var stack []series
	for _, g := range reasonGroups() {
		var names []string
		text := ""
		for i, reason := range g.reasons {
			if i > 0 {
				text += ", "
			}
			text += string(reason)
			names = append(names, string(reason))
			delete(rest, string(reason))
		}
		stack = append(stack, series{picture.Key{Color: g.color, Text: text}, rate(names)})
	}
	if len(rest) > 0 {
		var names []string
		for name := range rest {
			names = append(names, name)
		}
		stack = append(stack, series{picture.Key{Color: otherReasons, Text: "other reasons"}, rate(names)})
	}
	return r.drawStack(p, y, "Refusals by reason", "Per second. Hostile requests cause most refusals, at a constant rate.", stack)
}

// drawAges draws one small chart for each issuer, with its outages and rotations.
func (r *result) drawAges(p *picture.Picture, y float64) float64 {
	limit := maxStale(r.cfg.pace).Seconds()
	f := r.frame(p, y, "Age of the keys", fmt.Sprintf("In seconds, since the issuer last confirmed the keys. The limit is %s (MaxStale).", duration(limit)),
		picture.Key{Color: ageColor, Text: "age"}, picture.Key{Color: outageColor, Text: "outage"}, picture.Key{Color: rotationColor, Text: "key rotation"})
	for i, issuer := range r.issuers {
		age := r.perSample(func(s sample) float64 {
			if age, ok := s.ages[issuer]; ok {
				return age
			}
			return math.NaN()
		})
		f.height, f.scale = 46, scale{high: max(limit*1.6, largest(age))}
		f.outages(i)
		f.grid([]float64{0, limit}, formatNumber)
		f.line(age, 1.8, ageColor)
		p.Text(plotLeft+6, f.top+12, picture.Note.In(picture.Text), fmt.Sprint("issuer ", i+1)) // the URLs differ only in the port
		f.top += f.height + 10
	}
	f.top -= f.height + 10
	return f.timeAxis()
}

func (r *result) drawLatency(p *picture.Picture, y float64) float64 {
	hit, miss := picture.Key{Color: cachedColor, Text: "cached token"}, picture.Key{Color: notCachedColor, Text: "other token"}
	f := r.frame(p, y, "Latency of a verdict", "In ms, logarithmic scale; lower is better. Line: median. Band: up to p99.", hit, miss)
	figure := func(of func(sample) []bucket, q func(times) time.Duration) []float64 {
		return r.perInterval(func(before, now sample) float64 {
			if t := q(quantiles(bucketsSince(of(now), of(before)))); t > 0 {
				return t.Seconds() * 1e3
			}
			return math.NaN()
		})
	}
	median, p99 := func(t times) time.Duration { return t.p50 }, func(t times) time.Duration { return t.p99 }
	hits, misses := func(s sample) []bucket { return s.hitBuckets }, func(s sample) []bucket { return s.missBuckets }
	low := slices.Concat(figure(hits, median), figure(misses, median))
	high := slices.Concat(figure(hits, p99), figure(misses, p99))
	f.height, f.scale = 120, logScale(smallest(low), largest(high))
	f.grid(f.scale.decades(), formatNumber)
	for _, s := range []struct {
		of    func(sample) []bucket
		color picture.Color
	}{{misses, notCachedColor}, {hits, cachedColor}} {
		f.band(figure(s.of, median), figure(s.of, p99), 0.35, s.color)
		f.line(figure(s.of, median), 2, s.color)
	}
	return f.timeAxis()
}

func (r *result) drawCache(p *picture.Picture, y float64) float64 {
	f := r.frame(p, y, "Token cache", "Requests with a cached token, in % of all requests that have a token.")
	ratio := r.perInterval(func(before, now sample) float64 {
		if all := now.hits + now.misses - before.hits - before.misses; all > 0 {
			return 100 * (now.hits - before.hits) / all
		}
		return math.NaN()
	})
	f.height, f.scale = 64, scale{high: 100}
	f.grid([]float64{0, 50, 100}, formatNumber)
	f.line(ratio, 1.8, cachedColor)
	return f.timeAxis()
}

func (r *result) drawHeap(p *picture.Picture, y float64) float64 {
	f := r.frame(p, y, "Heap", "In MiB, for the servers, the clients and the issuers together.")
	heap := r.perSample(func(s sample) float64 { return float64(s.heap) / (1 << 20) })
	f.height, f.scale = 64, scale{high: roundUp(largest(heap)/2) * 2}
	f.grid([]float64{0, f.scale.high / 2, f.scale.high}, formatNumber)
	f.line(heap, 1.8, heapColor)
	return f.timeAxis()
}

// drawStack draws a panel with series on top of each other.
func (r *result) drawStack(p *picture.Picture, y float64, heading, note string, stack []series) float64 {
	var keys []picture.Key
	for _, s := range stack {
		keys = append(keys, s.key)
	}
	f := r.frame(p, y, heading, note, keys...)
	sums := make([][]float64, len(stack)+1) // sums[i] is the sum of the first i series
	sums[0] = make([]float64, len(r.samples)-1)
	for i, s := range stack {
		sums[i+1] = slices.Clone(sums[i])
		for n, v := range s.values {
			sums[i+1][n] += v
		}
	}
	top := largest(sums[len(stack)])
	step := roundUp(top / 4)
	f.height, f.scale = 110, scale{high: step * math.Ceil(top/step)}
	f.grid(f.scale.steps(step), formatNumber)
	for i, s := range stack {
		f.band(sums[i], sums[i+1], 1, s.key.Color)
	}
	return f.timeAxis()
}
