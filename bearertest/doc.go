// Package bearertest runs an issuer of access tokens inside a test, as
// net/http/httptest runs a server.
//
//	issuer := bearertest.NewIssuer(nil) // listens on 127.0.0.1
//	defer issuer.Close()
//
//	good := issuer.Token(map[string]any{"aud": "deployment-api", "scope": "read:deployments"})
//	expired := issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})
//	odd := issuer.Mint(map[string]any{"typ": "JWT", "crit": []string{"b64"}}, nil)
//	forged := issuer.Forge(nil, nil) // the right kid, somebody else's key
//
// The issuer publishes its keys and its metadata where the standards say
// (RFC 7517, RFC 8414, OpenID Connect Discovery 1.0), hands out tokens to the
// clients of [Issuer.AddClient] by client credentials (RFC 6749, section 4.4),
// rotates keys ([Issuer.Rotate]) and misbehaves as asked ([Issuer.Inject]).
// It takes the time from [time.Now]. Inside a testing/synctest bubble make it
// with [NewUnstartedIssuer] and reach it through [Issuer.Transport], which
// answers in memory and leaves no goroutine behind.
//
// # Security
//
// This package is not for use outside of tests and development: it signs
// whatever it is told to, its keys live as long as the process and pass from
// closed issuers to new ones, and it panics where it cannot do what it is
// asked instead of returning an error. It listens on the loopback interface
// only. Client secrets are kept as SHA-256 hashes and compared in constant
// time; nothing is logged.
package bearertest
