// Command incidents runs the incidents of examples/drill with bearer and with the key
// caches of other libraries, and prints how many valid requests each library refused. Run it
// from the root of the repository:
//
//	go -C internal/bench run ./incidents -o ../../docs/incidents.md
//
// It takes about 2 minutes and 512 MiB of memory. An incident in which a library allocates
// more is stopped at this limit.
package main
