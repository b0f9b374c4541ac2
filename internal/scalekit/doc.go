// Package scalekit is an embedded Scalekit environment for development and tests.
// It implements the part of the vendor's service that machine clients need:
// organizations register clients over the vendor's REST API or over gRPC, the
// clients get access tokens by client credentials (RFC 6749, section 4.4), and
// APIs find keys and metadata at the vendor's paths. The tokens have the vendor's
// form. The package is built on package bearertest and is used by examples/issuer.
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
// The same operations are served over gRPC by scalekit.v1.clients.ClientService and
// scalekit.v1.organizations.OrganizationService (see package scalekitv1): with or
// without TLS, over HTTP/2 and HTTP/1.1, with server reflection. The vendor's SDKs
// call these services.
//
// The endpoints below /dev/ are for drills. The vendor has no such endpoints. Like
// the admin API, they require a token of the environment's own client:
//
//	/dev/keys                  GET, POST: list keys, add a key that does not sign yet
//	/dev/keys/{kid}/promote    POST: sign with this key
//	/dev/keys/{kid}            DELETE: retire this key, unless it signs
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
//   - error: an error code of the token endpoint, such as unauthorized_client,
//     which this environment returns only as a fault
//   - times: the number of requests after which the fault ends
//
// For other paths below /api/ the response is that of the vendor's gateway: 404 with
// code 5 for an unknown path, and 501 with code 12 for a method that the path does
// not support.
//
// # State and seed
//
// Without Config.State, the state is kept in memory and lost when the process ends.
// With Config.State, every change is written to that file before the response is
// sent. The file is always replaced as a whole. The file also contains the keys, so
// tokens stay valid across restarts. Since these are private keys, only the file's
// owner may read it. A truncated or damaged file is reported and not changed. The
// last_used_time of a secret changes whenever a token is granted; it is written
// with the next other change, and by Close.
//
// A seed, in YAML or JSON, is the initial state of a new environment. Every member
// except display_name is optional. Missing IDs and secrets are generated.
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
// Request bodies are parsed as by a grpc-gateway: unknown members are ignored, a
// member that is null counts as absent, names may be snake_case or lowerCamelCase,
// and expiry may be a number or a string. Some values that a gateway accepts are
// refused here, so that no client is registered with values that a token cannot
// carry. These are duplicate members, data after the object, bodies over 1 MiB,
// scopes that are invalid by RFC 6749, empty audiences, duplicate keys of custom
// claims, and an expiry below zero or over ten years. Duplicate scopes and
// audiences are removed.
//
// Lists begin with the newest item. A page has 30 items, or page_size items, at most
// 100. A page token is a position in the order of creation. A reader who follows
// page tokens therefore misses no item and sees none twice, even if others are
// created or deleted in between.
//
// Tokens live for the client's expiry, 1 h by default; expires_in has the same
// value. Tokens of the environment's own client live 24 h. A deleted client gets no
// more tokens. Its earlier tokens stay valid until they expire, because a JWT is
// verified without a request to the issuer.
//
// # Security
//
// The package is for development and tests only. Secrets are stored as SHA-256
// hashes and compared in constant time. After ten failed authentications of a
// client, the token endpoint returns 429 for that client, even with the right
// secret. One more attempt is allowed every 6 s.
package scalekit
