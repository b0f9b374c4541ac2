// Package scalekit is an embedded Scalekit environment for development and tests.
// It implements the part of Scalekit's service that machine clients need. The comments
// of this package call Scalekit the vendor. An administrator registers the clients of
// organizations over the vendor's REST API or over gRPC. The clients get access tokens
// by client credentials (RFC 6749, section 4.4). The keys and the metadata are at the
// vendor's paths, and the tokens have the vendor's form. The package uses package
// bearertest. The program examples/issuer serves an environment.
//
//	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1:8790"})
//	...
//	http.Serve(listener, env.Handler())
//
// # Endpoints
//
//	/api/v1/organizations                       GET, POST; GET ...:search, ...:external/{external_id}
//	/api/v1/organizations/{id}                  GET, PATCH, DELETE; PATCH .../settings
//	/api/v1/organizations/{id}/clients          GET, POST
//	/api/v1/organizations/{id}/clients/{id}     GET, PATCH, DELETE
//	.../clients/{id}/secrets, .../secrets/{id}  POST; DELETE
//	/api/v1/clients/{id}/secrets, .../{id}      POST; PATCH, PUT, DELETE, for any client
//	/                                           GET: a web page with the current state
//	/oauth/token                                POST
//	/keys, /.well-known/jwks.json               GET
//	/.well-known/openid-configuration           GET
//	/.well-known/oauth-authorization-server     GET
//
// The handler also serves the operations of the admin API over gRPC, with server
// reflection. The services are scalekit.v1.clients.ClientService and
// scalekit.v1.organizations.OrganizationService: see package scalekitv1. gRPC works
// with and without TLS, over HTTP/2 and HTTP/1.1. The vendor's SDKs call these
// services.
//
// The endpoints below /dev/ are for drills. The vendor does not have these endpoints.
// Like the admin API, they require a token of the environment's own client:
//
//	/dev/keys                  GET, POST: list keys, add a key that does not sign yet
//	/dev/keys/{kid}/promote    POST: sign with this key
//	/dev/keys/{kid}            DELETE: retire this key, except the signing key
//	/dev/keys:rotate           POST: add a key and sign with it
//	/dev/faults                GET: list the active faults
//	/dev/faults/{endpoint}     PUT, DELETE: set or remove the fault of an endpoint
//
// The endpoint of a fault is keys, discovery, token or api. A fault has one or more
// of these members:
//
//   - status: the HTTP status of the response
//   - delay: the time before the response, such as "2s"
//   - hang: true sends no response
//   - abort: true closes the connection without a response
//   - document: a bad body: html, not_json, null, empty_object, empty_body or
//     oversized; for keys and discovery also truncated; for keys also empty_set
//     and wrong_keys; for discovery also wrong_issuer
//   - body and content_type: a body of your own
//   - error: for the endpoint token only, the error code of the response. The code
//     may be one that this environment returns only as a fault, such as
//     unauthorized_client
//   - times: the number of requests after which the fault ends
//
// A request for an unknown path below /api/ gets 404 and code 5. A request with a
// method that the path does not support gets 501 and code 12. The vendor's gateway
// returns the same codes.
//
// # State and seed
//
// Without Config.State, the state is kept in memory and lost when the process ends.
// With Config.State, every change is written to the State file before the response
// is sent. Each write replaces the whole file, so a crash does not damage the file.
// The file also contains the private keys, so tokens stay valid across restarts. Only
// the owner of the file may read it. If the file is truncated or damaged, New returns
// an error and does not change the file. A token request changes the last_used_time
// of a secret; the next other change, or Close, writes this time to the file.
//
// A seed is the initial state of a new environment, in YAML or JSON. Every member
// except display_name is optional. The environment generates missing IDs and secrets.
//
//	client_id: skc_1
//	client_secret: test_of_the_environment
//	organizations:
//	  - id: org_1
//	    display_name: Acme Corp
//	    external_id: acme
//	    clients:
//	      - client_id: m2morg_1
//	        client_secret: test_of_the_deployer
//	        name: Deployer
//	        scopes: [deploy:applications, read:deployments]
//	        audience: [deployment-api.acmecorp.com]
//	        custom_claims: {github_repository: acmecorp/inventory-service}
//	        expiry: 600
//
// # Behaviour that the vendor does not document
//
// Request bodies follow the rules of a grpc-gateway: unknown members are ignored, a
// member that is null counts as absent, names may be in snake_case or
// lowerCamelCase, and expiry may be a number or a string. This environment is
// stricter than a gateway, so that a token can carry every registered value. It
// refuses:
//
//   - duplicate members, data after the object, and bodies over 1 MiB
//   - scopes that are not valid (RFC 6749, section 3.3)
//   - empty audiences, and duplicate keys of custom claims
//   - an expiry below zero or over ten years
//
// It removes duplicate scopes and audiences.
//
// Lists begin with the newest item. A page has 30 items, or page_size items, at most
// 100. A page token contains a position in the order of creation. A client that
// follows page tokens therefore gets every item once, even if other items are created
// or deleted in between.
//
// The lifetime of a token is the expiry of its client, 1 h by default; expires_in has
// the same value. Tokens of the environment's own client have a lifetime of 24 h. A
// deleted client gets no more tokens. Its earlier tokens stay valid until they expire,
// because an API verifies a JWT without a request to the issuer.
//
// # Security
//
// The package is for development and tests only. The state contains SHA-256 hashes of
// secrets, and no secrets. Hashes are compared in constant time. After ten failed
// authentications of a client, the token endpoint returns 429 for this client, even
// with the right secret. The client may try once more every 6 s.
package scalekit
