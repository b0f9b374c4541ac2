package middleware

import "time"

// AgeMetadata makes the metadata document of g older by d, as if the time d had passed.
func AgeMetadata(g *Guard, d time.Duration) {
	g.resource.mu.Lock()
	defer g.resource.mu.Unlock()
	g.resource.built = g.resource.built.Add(-d)
}
