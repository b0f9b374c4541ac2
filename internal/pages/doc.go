// Package pages contains tests of the commands in the pages of this repository. Each command must
// be run by a test, or a sentence above it must say why no test runs it.
//
// The tests start bearer-issuer and a service, replace the addresses of the pages, and run the
// commands with a shell. They do not run commands that write files of the repository or take
// minutes. For these commands, they check that the program exists and has the flags.
package pages
