// Package scalekit is a Scalekit environment, as far as machine clients need
// one: organizations register clients over the vendor's REST API, the clients
// get access tokens of the vendor's form by client credentials, and whoever
// validates them finds keys and metadata where the vendor has them. It stands
// on package bearertest and serves examples/issuer.
//
//	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1:8790"})
//	...
//	http.Serve(listener, env.Handler())
//
// # What is served
//
//	/api/v1/organizations                       GET, POST; GET ...:search, ...:external/{external_id}
//	/api/v1/organizations/{id}                  GET, PATCH, DELETE; PATCH .../settings
//	/api/v1/organizations/{id}/clients          GET, POST
//	/api/v1/organizations/{id}/clients/{id}     GET, PATCH, DELETE
//	.../clients/{id}/secrets, .../secrets/{id}  POST; DELETE
//	/api/v1/clients/{id}/secrets, .../{id}      POST; PATCH, PUT, DELETE, for any client
//	/                                           GET: a page for people
//	/oauth/token                                POST
//	/keys, /.well-known/jwks.json               GET
//	/.well-known/openid-configuration           GET
//	/.well-known/oauth-authorization-server     GET
//
// The same over gRPC, as scalekit.v1.clients.ClientService and
// scalekit.v1.organizations.OrganizationService (see package scalekitv1), with
// or without TLS, over HTTP/2 and HTTP/1.1, with reflection. The vendor's SDKs
// call these.
//
// For drills there is what no vendor has, with a token of the environment's own
// client as well:
//
//	/dev/keys                  GET, POST: list, add one that does not sign yet
//	/dev/keys/{kid}/promote    POST: sign with it
//	/dev/keys/{kid}            DELETE: retire it, unless it signs
//	/dev/keys:rotate           POST: add and promote
//	/dev/faults                GET
//	/dev/faults/{endpoint}     PUT, DELETE: keys, discovery, token, api
//
// A fault has one or more of these members: status, delay ("2s"), hang, abort,
// document (html, not_json, null, empty_object, empty_body, truncated, oversized;
// empty_set and wrong_keys of keys, wrong_issuer of discovery), body and
// content_type, error (of the token endpoint: such as unauthorized_client, which
// no client here gets otherwise), and times, which ends it after so many requests.
//
// Everything else below /api/ is answered as the vendor's gateway answers what
// it does not have: 404 with code 5, or 501 with code 12 for another method.
//
// # State and seed
//
// Without Config.State, state is in memory and ends with the process. With it,
// every change is in the file before it is answered, written as a whole; keys
// are in it as well, so tokens stay valid over a restart. The file holds private
// keys and is for its owner alone. One that was cut off or damaged is reported
// and left as it is. What is only learnt by granting tokens, last_used_time, is
// written with the next change and by Close.
//
// A seed, in YAML or JSON, is what a new environment begins with. Everything but
// display_name is optional; what has no ID or secret gets one.
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
// # Where the vendor is silent
//
// Request bodies are read as a grpc-gateway reads them: unknown members are
// ignored, null is the same as leaving a member out, names may be snake_case
// or lowerCamelCase, and expiry may be a number or a string. Stricter than a
// gateway, and so that nothing is registered that no token could carry, these
// are refused: members that come twice, data behind the object, bodies over
// 1 MiB, scopes that are none by RFC 6749, empty audiences, keys of custom
// claims that come twice, and an expiry below zero or over ten years. A scope
// or an audience that comes twice counts once.
//
// Lists begin with what was created last and have 30 items a page, or as many
// as page_size says, 100 at most. A page token stands for a place in the order
// of creation, so that a reader who follows them sees everything once, whatever
// comes and goes meanwhile.
//
// Tokens live as long as the client's expiry says, an hour by default, and
// expires_in says the same. Those of the environment's own client live a day.
// A client that is deleted gets no more tokens; those it has stay valid until
// they expire, as nobody asks the issuer about a JWT.
//
// # Security
//
// It is for development and tests. Secrets are kept as SHA-256 hashes and
// compared in constant time. A client that has failed to authenticate ten times
// gets 429 and another try every six seconds, with the right secret too.
package scalekit
