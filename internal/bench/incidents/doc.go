// Package incidents has keyfunc's and go-oidc's key caches as internal/incident
// takes them, so that they go through what ours goes through.
package incidents
