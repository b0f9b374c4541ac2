// Package bearertest runs an issuer of access tokens inside a test, as
// [net/http/httptest] runs a server.
//
//	issuer := bearertest.NewIssuer(nil) // listens on 127.0.0.1
//	defer issuer.Close()
//
//	good := issuer.Token(map[string]any{"aud": "deployment-api", "scope": "read:deployments"})
//	expired := issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})
//	odd := issuer.Mint(map[string]any{"typ": "JWT", "crit": []string{"b64"}}, nil)
//	forged := issuer.Forge(nil, nil) // the right kid, signed by another key
//
// The issuer publishes its keys and its metadata at the standard paths (RFC 8414,
// OpenID Connect Discovery 1.0). Clients registered with [Issuer.AddClient] get tokens
// by the client credentials grant (RFC 6749, section 4.4). [Issuer.Rotate] rotates the
// signing key, and [Issuer.Inject] makes an endpoint fail or respond slowly.
//
// The issuer reads the time from [time.Now]. Inside a [testing/synctest] bubble, create
// it with [NewUnstartedIssuer] and send requests through [Issuer.Transport], which
// answers in memory and starts no goroutine.
//
// # Security
//
// Use this package only in tests and during development: an issuer signs any claims. RSA
// keys live as long as the process, because new issuers reuse the keys of closed issuers.
// Functions panic on invalid arguments instead of returning an error. Issuers listen on
// the loopback interface only. They store client secrets as SHA-256 hashes and compare
// the hashes in constant time. The package logs nothing.
package bearertest
