// Package realissuers tests bearer with authorization servers of other projects.
// zitadel/oidc and ory/fosite run in the test process, and oidc-provider runs in Node.
// The tests in lifecycle_test.go run with the tokens of each of the three servers. The
// package is a separate module, so that users of bearer do not depend on these servers.
//
// TestDPoP uses packages of npm as clients with bound tokens. nginx and HAProxy are in front of
// the API. With the flag -record, the test writes its requests to testdata/dpop/recordings.
//
// The tests of oidc-provider and of these clients install the packages with npm, from a lock
// file, into a temporary folder. A test is skipped if Node or npm is missing, if npm cannot
// reach its registry, or if the proxy is missing.
package realissuers
