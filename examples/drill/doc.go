// Drill puts the key cache through every incident that its issuer can have, for
// real: on the real clock and a real listener on the loopback interface.
//
//	go run ./examples/drill
//
// It takes three quarters of a minute and prints, for each incident, what
// happened, how many honest requests were refused, how often the issuer was asked
// for its keys, and the slowest honest request. It exits non-zero if a line is not
// as promised. With -run it runs the lines whose name matches a regular
// expression.
//
// docs/incidents.md has the same incidents for other libraries.
package main
