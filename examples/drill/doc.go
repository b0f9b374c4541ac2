// Command drill is not for copying, because it imports internal packages: copy nethttp or grpc instead.
// The program simulates incidents of a token issuer. It measures the behavior of a verifier with
// the key cache of package jwks. It runs in real time, with a real issuer on the loopback interface.
//
//	go run ./examples/drill
//
// A run takes about 75 s, because the last incident needs metadata that is older than a minute. Without
// it, a run takes about 30 s. The first run also compiles the program and the standard library, which
// takes about 1 min of processor time: on 2 busy cores, the first run took 3.5 min. The program
// prints its total time, without the time of the compiler. For each incident, it prints:
//
//   - a description,
//   - the number of valid requests that were refused, and why,
//   - the number of fetches of the key set,
//   - the duration of the slowest valid request.
//
// The output fits the terminal, or 100 columns in a pipe.
//
// It exits with a non-zero status if a result is not as expected. It compares only counts,
// verdicts and the times that the documentation promises, because other times depend on the
// machine. The benchmarks of package jwks and internal/bench measure such times. With -run, it runs
// only the incidents with a name that matches a regular expression. With -skip, it leaves out the
// incidents with such a name: "-skip 'key set moves'" leaves out the last incident.
//
// The page docs/incidents.md compares bearer with other libraries in these incidents.
package main
