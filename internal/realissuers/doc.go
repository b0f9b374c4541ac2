// Package realissuers tests bearer with authorization servers of other projects.
// zitadel/oidc and ory/fosite run in the test process, and oidc-provider runs in Node.
// The tests in lifecycle_test.go run with the tokens of each of the three servers. The
// package is a separate module, so that users of bearer do not depend on these servers.
//
// The test of oidc-provider installs the server with npm, from a lock file, into a
// temporary folder. The test is skipped if Node or npm is missing, or if npm cannot reach
// its registry.
package realissuers
