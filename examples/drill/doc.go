// Drill simulates incidents of a token issuer and measures how the key cache handles them.
// It runs in real time, with a real issuer on the loopback interface.
//
//	go run ./examples/drill
//
// It takes about 45 s. For each incident, it prints what happened, how many valid requests
// were refused, how many times the issuer's keys were fetched, and the slowest valid
// request. It exits with a non-zero status if a result is not as expected. With -run, it
// runs the incidents whose name matches a regular expression.
//
// docs/incidents.md compares the results with those of other libraries.
package main
