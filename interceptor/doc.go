// Package interceptor guards gRPC methods, unary and streaming, with access tokens.
//
//	guard, err := interceptor.New(verifier, scopes.Methods{
//		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
//		"/deploy.v1.Deployments/*":      scopes.Any("read:deployments", "deploy:applications"),
//	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}})
//	server := grpc.NewServer(guard.ServerOptions()...)
//	deployv1.RegisterDeploymentsServer(server, deployments)
//	log.Print(guard.Audit(server)) // lists each method with its rule, and rules without a method
//
// A handler gets the caller's claims from bearer.FromContext(ctx). A method without a rule
// is denied, including those of the health and reflection services. [Guard.Audit] lists
// such methods at start or in a test, before a caller is denied.
//
// Programs to copy from are examples/grpc (client, TLS, forwarding),
// examples/grpcmiddleware (a chain with logging, recovery and OpenTelemetry) and
// examples/grpcgateway (HTTP and gRPC on one port).
//
// # Refusals
//
// A refused call ends with one of these status codes:
//
//   - Unauthenticated: the token is missing or invalid, or the credentials are not exactly
//     one bearer token. InvalidArgument is not used, because it refers to the message.
//   - PermissionDenied: a scope is missing.
//   - Unavailable: the issuer's keys are unavailable, and the caller is not at fault. A
//     google.rpc.RetryInfo detail contains the time to wait.
//   - Internal: this service is at fault, for example because a hook panicked.
//   - DeadlineExceeded or Canceled: the call ended while it waited for keys. Other calls
//     that wait for the same keys are not affected.
//
// All except DeadlineExceeded and Canceled carry a google.rpc.ErrorInfo detail with the
// [bearer.Reason] in upper case and, under "scope", the missing scopes. The challenge that
// HTTP uses (RFC 6750, section 3) is in the metadata "www-authenticate" of the header, or
// of the trailer if the stream has already sent its header.
//
// # Streams
//
// The guard decides on a stream when it opens, before its first message is read. With
// Options.ExpireStreams or Options.RecheckStreams, the guard ends a stream when its token
// expires or is no longer accepted:
//
//   - RecvMsg and SendMsg return the refusal, even if they were blocked.
//   - The stream's context is canceled, with the refusal as its cause.
//   - The client gets the refusal as the status, whatever the handler returns.
//
// However, gRPC ends a stream only when its handler returns. A handler that checks neither
// its stream nor its context keeps running. Until it returns, the client gets no status,
// and no messages pass in either direction. After a RecvMsg that failed in this way, do not
// use its message again: a late message may still be written into it.
//
// With either option, each message costs one goroutine, and each stream one or two. If
// net/http serves the server through ServeHTTP, there are two differences. A client that
// does not read learns of the end only when it reads again or disconnects. A stream that
// has already sent its header carries no challenge.
//
// # Security
//
// The server answers calls of unknown methods with Unimplemented and does not run the
// interceptors. So every client that can connect can find out which methods exist. To
// prevent that, register a handler for unknown methods. The server then runs the
// interceptors for such calls, and the guard denies those without a rule:
//
//	grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
//		return status.Error(codes.Unimplemented, "unknown method")
//	})
//
// A caller of an unknown method then gets Unauthenticated without a valid token, and
// PermissionDenied with one. Interceptors also do not run if a service is called in the
// server's own process without a connection, as with grpc-gateway's
// Register...HandlerServer.
//
// Credentials are read only from the metadata key "authorization". A call with the key
// "authorization-bin" is refused. If the value of that key is not base64, the server
// refuses the call before it runs an interceptor, and repeats the value in its message. A
// client that sends its token there finds the token in its own logs.
package interceptor
