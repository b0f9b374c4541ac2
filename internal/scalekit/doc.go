// Package scalekit is an embedded Scalekit environment for development and tests.
// The environment implements the part of Scalekit's service that machine clients need.
// In the comments of this package, "the vendor" is Scalekit.
//
// An administrator registers clients for organizations, over REST or over gRPC. Each
// client gets access tokens by the client credentials grant (RFC 6749, section 4.4). The
// keys and the metadata are at the vendor's paths. The tokens have the vendor's form. The
// package is built on package bearertest. The program bearer-issuer serves an
// environment.
//
//	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1:8790"})
//	...
//	http.Serve(listener, env.Handler())
//
// # Endpoints
//
//	/api/v1/organizations                                 GET, POST
//	/api/v1/organizations:search                          GET
//	/api/v1/organizations:external/{external_id}          GET
//	/api/v1/organizations/{id}                            GET, PATCH, DELETE
//	/api/v1/organizations/{id}/settings                   PATCH
//	/api/v1/organizations/{id}/clients                    GET, POST
//	/api/v1/organizations/{id}/clients/{id}               GET, PATCH, DELETE
//	/api/v1/organizations/{id}/clients/{id}/secrets       POST
//	/api/v1/organizations/{id}/clients/{id}/secrets/{id}  DELETE
//	/api/v1/clients/{id}/secrets                          POST
//	/api/v1/clients/{id}/secrets/{id}                     PATCH, PUT, DELETE
//	/                                                     GET (a web page with the current state)
//	/page/{action}                                        POST (the forms of the web page)
//	/oauth/token                                          POST
//	/oauth/authorize                                      GET, POST (refuses every request)
//	/keys                                                 GET
//	/.well-known/jwks.json                                GET
//	/.well-known/openid-configuration                     GET
//	/.well-known/oauth-authorization-server               GET
//
// The paths that begin with /api/ are the admin API. The paths below /api/v1/clients
// change the secrets of any client. A request for an unknown path below /api/ gets
// status 404 and code 5. A request with a method that the path does not support gets
// status 501 and code 12. The vendor's gateway returns the same values.
//
// The handler serves the admin API over gRPC, too. The services are
// scalekit.v1.clients.ClientService and scalekit.v1.organizations.OrganizationService:
// see package scalekitv1. The vendor's SDKs call these services. gRPC works over HTTP/2
// and over HTTP/1.1. The handler also serves gRPC server reflection.
//
// The endpoints below /dev/ are for drills. The vendor does not have these endpoints.
// Like the admin API, these endpoints require a token of the environment's own client:
//
//	GET    /dev/keys                  lists the keys
//	POST   /dev/keys                  adds a key that does not sign yet
//	POST   /dev/keys/{kid}/promote    makes this key the signing key
//	DELETE /dev/keys/{kid}            retires this key; not allowed for the signing key
//	POST   /dev/keys:rotate           adds a key and makes it the signing key
//	GET    /dev/faults                lists the active faults
//	PUT    /dev/faults/{endpoint}     sets the fault of an endpoint
//	DELETE /dev/faults/{endpoint}     removes the fault of an endpoint
//
// {endpoint} is keys, discovery, token or api. The body of the PUT request is a JSON
// object with one or more of these members:
//
//   - status is the HTTP status of the response.
//   - delay is the time before the response, such as "2s".
//   - hang is true if the environment must not send a response.
//   - abort is true if the environment must close the connection without a response.
//   - document is the name of a bad body. All endpoints have "html", "not_json",
//     "null", "empty_object", "empty_body" and "oversized". In addition, the endpoints
//     keys and discovery have "truncated". Only the endpoint keys has "empty_set" and
//     "wrong_keys". Only the endpoint discovery has "wrong_issuer".
//   - body is the text of the response body.
//   - content_type is the media type of the response body.
//   - error is the error code of the response. Only the endpoint token has this member.
//     The code may be a code that this environment never returns without a fault, such as
//     unauthorized_client.
//   - times is the number of requests after which the fault ends.
//
// The environment has no users. So the authorization endpoint, which the metadata names as the
// vendor's metadata does, answers every request with an OAuth error, and never redirects.
//
// # Web page
//
// The page shows the current state. It has actions that need no secret: it mints and checks
// tokens, rotates keys, and sets and removes faults. The page works without JavaScript. A
// token is only in the form that mints or checks the token, and in the response. It is in
// no URL, no log record and no later page.
//
// The page refuses forms and scripts of other origins, and other pages cannot show it in a
// frame. It answers only if the field Host is a loopback address, localhost or a subdomain
// of localhost, the host of Config.URL, or the address of the connection. For other hosts,
// the environment also refuses each request with the field Origin to any endpoint, because
// only browsers send this field. Without Config.InsecurePageAnywhere, clients on other
// machines and clients behind a proxy can only read the page. A proxy on the same machine
// that sends HTTP/1.1 and adds no field such as X-Forwarded-For counts as a client on this
// machine.
//
// # State and seed
//
// Without Config.State, the state is kept in memory and lost when the process ends.
// With Config.State, every change is written to the State file before the response
// is sent. Each write replaces the whole file, so a crash does not damage the file.
// The file contains the private keys, so tokens stay valid across restarts. Only the
// owner of the file may read the file. If the file is truncated or damaged, New returns
// an error and does not change the file.
//
// There is one exception: the last_used_time of a secret. Each token request with the
// secret changes this time. The environment writes this time to the State file together with
// the next change of other data, or when Close is called.
//
// A seed is the initial state of a new environment. The seed is in YAML or JSON. Only
// the member display_name of an organization is required. The environment generates
// missing IDs and secrets.
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
// Request bodies follow the rules of a grpc-gateway:
//
//   - Unknown members are ignored.
//   - A member that is null counts as absent.
//   - The name of a member may be in snake_case or in lowerCamelCase.
//   - The expiry may be a number or a string.
//
// This environment refuses some requests that a gateway accepts, because a token must be
// able to contain every registered value. The environment refuses:
//
//   - duplicate members
//   - data after the object
//   - bodies over 1 MiB
//   - invalid scopes (RFC 6749, section 3.3)
//   - empty audiences
//   - duplicate keys of custom claims
//   - a negative expiry
//   - an expiry of more than ten years
//
// The environment removes duplicate scopes and duplicate audiences.
//
// Lists begin with the newest item. By default, a page has 30 items. The parameter
// page_size sets the number of items. The maximum is 100 items for a list and 30 items
// for a search. A page token contains a position in the order of creation. Therefore, a
// client that follows page tokens gets every item once, even if other items are created
// or deleted at the same time.
//
// The lifetime of a token is the expiry of the client. The default expiry is 1 h. The
// member expires_in of the token response has the same value. Tokens of the environment's
// own client have a lifetime of 24 h. A deleted client cannot get new tokens. The earlier
// tokens of a deleted client stay valid until they expire, because an API verifies a JWT
// without a request to the issuer.
//
// # Security
//
// The package is for development and tests only. The state contains SHA-256 hashes of
// secrets, and no secrets. Hashes are compared in constant time. After ten failed
// authentications of a client, the token endpoint returns status 429 for this client,
// even if the secret is right. Then the token endpoint allows this client one more failed
// authentication every 6 s.
package scalekit
