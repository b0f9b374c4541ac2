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
// A handler gets the caller's claims from bearer.FromContext(ctx). Calls of a method without
// a rule are denied; this includes the methods of the health and reflection services. Call
// [Guard.Audit] at start or in a test to find methods without a rule.
//
// There are three example programs: examples/grpc (client, TLS, forwarding),
// examples/grpcmiddleware (a chain with logging, recovery and OpenTelemetry) and
// examples/grpcgateway (HTTP and gRPC on one port).
//
// # Refusals
//
// A refused call ends with one of these status codes:
//
//   - Unauthenticated: the token is missing or invalid, or the credentials are not exactly
//     one bearer token. InvalidArgument is not used, because it is for invalid messages.
//   - PermissionDenied: the rule of the method does not allow the call, for example because
//     a scope is missing, or the method has no rule.
//   - Unavailable: the issuer's keys are unavailable, and the caller is not at fault. A
//     google.rpc.RetryInfo detail contains the time to wait.
//   - Internal: this service is at fault, for example because a function in the rule panicked.
//   - DeadlineExceeded or Canceled: the call ended while it waited for keys. Other calls
//     that wait for the same keys are not affected.
//
// Every status except DeadlineExceeded and Canceled carries a google.rpc.ErrorInfo detail.
// The reason in this detail is the [bearer.Reason] in upper case, and the metadata "scope"
// contains the missing scopes. The same challenge as in HTTP (RFC 6750, section 3) is in
// the header metadata "www-authenticate", or in the trailer if the stream has already sent
// its header.
//
// # Streams
//
// The guard decides when a stream opens, before the first message is read. With
// Options.ExpireStreams or Options.RecheckStreams, the guard ends a stream when its token
// expires or is no longer accepted:
//
//   - RecvMsg and SendMsg return the refusal, even if they were blocked.
//   - The stream's context is canceled, with the refusal as its cause.
//   - The client gets the refusal as the status, not the error that the handler returns.
//
// However, gRPC ends a stream only when its handler returns. A handler that checks neither
// its stream nor its context keeps running. Until the handler returns, the client gets no
// status, and no messages pass in either direction. After RecvMsg has returned the refusal,
// do not use the message of that call again: gRPC may still write a late message into it.
//
// With either option, each message costs one goroutine, and each stream one or two. There
// are two differences if net/http's server serves gRPC with [grpc.Server.ServeHTTP]. A
// client that does not read gets the refusal only when it reads again. A stream that has
// already sent its header carries no challenge.
//
// # Security
//
// The server answers calls of unknown methods with Unimplemented and does not run the
// interceptors. So every client that can connect can find out which methods exist. To
// prevent this, register a handler for unknown methods. The server then runs the
// interceptors for these calls, and the guard denies methods without a rule:
//
//	grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
//		return status.Error(codes.Unimplemented, "unknown method")
//	})
//
// A caller of an unknown method then gets Unauthenticated without a valid token, and
// PermissionDenied with a valid token. Interceptors also do not run if a program calls the
// service in its own process without a connection, as grpc-gateway's
// Register...HandlerServer does.
//
// The guard reads credentials only from the metadata key "authorization". It refuses a call
// with the key "authorization-bin". If the value of that key is not base64, the server
// refuses the call before it runs an interceptor, and repeats the value in the status
// message. If a client sends its token in this key, the token can then appear in the
// client's log.
package interceptor
