package main

import (
	"math"
	"time"
)

// span returns the time that the plot shows. After this time, the run only waits for the last
// requests. An interrupted run is shorter than planned.
func (r *result) span() time.Duration { return min(r.took, r.cfg.duration) }

// perSample calls the function figure for each sample except the first, and returns the results.
func (r *result) perSample(figure func(sample) float64) []float64 {
	return r.perInterval(func(_, now sample) float64 { return figure(now) })
}

// perInterval calls the function figure for each pair of consecutive samples, and returns the
// results. An interval that is much shorter than the others is a gap, because it has too few
// requests. The last interval of a run is often so short.
func (r *result) perInterval(figure func(before, now sample) float64) []float64 {
	var values []float64
	for i := 1; i < len(r.samples); i++ {
		before, now := r.samples[i-1], r.samples[i]
		value := math.NaN()
		if now.at.Sub(before.at) > r.cfg.sampleInterval()/2 {
			value = figure(before, now)
		}
		values = append(values, value)
	}
	return values
}

// rates returns the increase of a counter per second for all pairs of consecutive samples.
func (r *result) rates(of func(sample) float64) []float64 {
	return r.perInterval(func(before, now sample) float64 {
		return (of(now) - of(before)) / now.at.Sub(before.at).Seconds()
	})
}
