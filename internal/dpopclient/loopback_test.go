package dpopclient_test

import (
	"testing"

	"github.com/bearerkit/bearer/internal/dpopclient"
)

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "a.localhost": false, "127.1": false, "128.0.0.1": false, "0.0.0.0": false, "::": false, "[::1]": false,
	} {
		if got := dpopclient.IsLoopback(host); got != want {
			t.Errorf("%q: got %t, want %t", host, got, want)
		}
	}
}
