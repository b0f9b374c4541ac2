// Command incidents compares bearer with the key caches of other libraries in incidents of a
// token issuer. It runs incidents of examples/drill with each library, and writes
// docs/incidents.md. Run it from the root of the repository:
//
//	go -C internal/bench run ./incidents -o ../../docs/incidents.md
//
// It takes about 3 minutes. It uses about 512 MiB of memory, because some libraries read a
// hostile response body up to this size. Then the issuer stops sending the body.
package main
