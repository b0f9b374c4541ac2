// Package routing tests guards with the routers of other projects. It generates requests
// with unusual spellings of paths, methods, hosts and header fields, and sends each request
// through each router. A request must not reach a handler whose own rule does not allow the
// caller. The package is a separate module, so that users of bearer do not depend on these
// routers.
//
// go test sends a small number of requests. The flags of the test set the number and the
// seed:
//
//	go test -run TestNoHandlerWithoutItsRule -requests 200000 -seed 7 -timeout 1h .
package routing
