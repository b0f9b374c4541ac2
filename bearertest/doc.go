// Package bearertest runs an issuer of access tokens in the process of a test.
//
//	issuer := bearertest.NewIssuer(nil) // listens on 127.0.0.1
//	defer issuer.Close()
//
//	valid := issuer.Token(map[string]any{"aud": "deployment-api", "scope": "read:deployments"})
//	expired := issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})
//	unusual := issuer.Mint(map[string]any{"typ": "JWT", "crit": []string{"b64"}}, nil)
//	forged := issuer.Forge(nil, nil) // has the kid of the issuer, but a different key signed the token
//
// The issuer publishes its keys and its metadata at the standard paths (RFC 7517, RFC 8414,
// OpenID Connect Discovery 1.0). [Issuer.AddClient] registers a client, which can then get
// tokens with the client credentials grant (RFC 6749, section 4.4). [Issuer.Rotate]
// rotates the signing key. [Issuer.Inject] makes an endpoint fail or respond slowly.
//
// The issuer reads the time from [time.Now]. Inside a [testing/synctest] bubble, create
// the issuer with [NewUnstartedIssuer] and send requests through [Issuer.Transport]. This
// transport answers in memory and starts no goroutine.
//
// # Bound tokens
//
// A token request with a DPoP proof gets a token that is bound to the key of the proof
// (RFC 9449, section 5). The response has the token type DPoP. Package dpop makes proofs:
//
//	signer, err := dpop.GenerateSigner()
//	proof, err := signer.Proof("POST", issuer.TokenURL(), "", "") // for a request to the token endpoint
//	bound := issuer.Token(map[string]any{"cnf": map[string]any{"jkt": signer.Thumbprint()}})
//	proof, err = signer.Proof("GET", "https://api.example/orders", bound, "") // for a request to the API
//
// The issuer accepts each proof once, and for 60 s. [Options].RequireNonce makes the issuer
// demand a nonce, and [Client].RequireBound makes the issuer demand a proof of a client.
//
// # Security
//
// Use this package only in tests and during development, because an issuer signs any
// claims. RSA keys exist until the process ends, because new issuers reuse the keys of
// closed issuers. If an argument is invalid, functions panic and do not return an error.
// Issuers listen only on the loopback interface. They store client secrets as SHA-256
// hashes and compare the hashes in constant time. The package writes no logs.
package bearertest
