// Command drill simulates incidents of a token issuer. It measures the behavior of a verifier
// with the key cache of package jwks. It runs in real time, with a real issuer on the loopback
// interface.
//
//	go run ./examples/drill
//
// It takes about 45 s. For each incident, it prints:
//
//   - a description,
//   - the number of valid requests that were refused,
//   - the number of fetches of the key set,
//   - the duration of the slowest valid request.
//
// It exits with a non-zero status if a result is not as expected. With -run, it runs only the
// incidents with a name that matches a regular expression.
//
// The page docs/incidents.md compares bearer with other libraries in these incidents.
package main
