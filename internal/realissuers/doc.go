// Package realissuers tests bearer with authorization servers of other projects.
// zitadel/oidc and ory/fosite run in the test process, and oidc-provider runs in Node. The
// tests that all servers must pass are in lifecycle_test.go. The package is a separate
// module, so that users of bearer do not depend on these servers.
//
// The tests install oidc-provider with npm, from its lock file, into a temporary folder.
// Without Node, npm or a reachable registry they are skipped.
package realissuers
