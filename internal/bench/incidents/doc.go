// Incidents puts the key caches of other libraries through the incidents that
// examples/drill puts ours through, and prints what became of honest requests
// side by side. From the root of the repository:
//
//	go -C internal/bench run ./incidents -o ../../docs/incidents.md
//
// It takes about two minutes and wants half a GiB of memory, which is where it
// ends what would take more.
package main
