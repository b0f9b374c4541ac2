package middleware

// IsHost is isHost for TestIsHost.
var IsHost = isHost
