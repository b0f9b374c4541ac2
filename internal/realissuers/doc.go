// Package realissuers tests bearer against authorization servers that others
// wrote: zitadel/oidc and ory/fosite run in the test's process, oidc-provider
// in Node. It is a module of its own, so that nobody who uses bearer downloads
// them. What each of them must pass is in lifecycle_test.go.
//
// oidc-provider is installed from its lock file, by npm, into a folder of the
// test's own. Where there is no Node or no registry, its tests are skipped.
package realissuers
