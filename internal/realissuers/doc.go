// Package realissuers tests bearer with authorization servers of other projects.
// zitadel/oidc and ory/fosite run in the test process, and oidc-provider runs in Node. The
// tests that the tokens of all servers must pass are in lifecycle_test.go. The package is a
// separate module, so that users of bearer do not depend on these servers.
//
// The test of oidc-provider installs the server with npm, from a lock file, into a
// temporary folder. The test is skipped if Node or npm is missing, or if npm cannot reach
// its registry.
package realissuers
