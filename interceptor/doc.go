// Package interceptor guards gRPC methods with access tokens, unary and
// streaming alike.
//
//	guard, err := interceptor.New(verifier, scopes.Methods{
//		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
//		"/deploy.v1.Deployments/*":      scopes.Any("read:deployments", "deploy:applications"),
//	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}})
//	server := grpc.NewServer(guard.ServerOptions()...)
//	deployv1.RegisterDeploymentsServer(server, deployments)
//	log.Print(guard.Audit(server)) // each method with its rule, and what was forgotten
//
// A handler finds the caller with bearer.FromContext(ctx). A method without a
// rule is denied, health and reflection included; [Guard.Audit] finds it before
// a caller does, at start or in a test.
//
// Programs to copy from are examples/grpc (client, TLS, forwarding),
// examples/grpcmiddleware (a chain with logging, recovery and OpenTelemetry) and
// examples/grpcgateway (HTTP and gRPC on one port).
//
// # Refusals
//
// A token that is missing or not good is Unauthenticated, and so are credentials
// that are not exactly one bearer token: InvalidArgument would speak of the
// message. A scope that is missing is PermissionDenied. Where the issuer's keys
// cannot be had, which is no fault of the caller, it is Unavailable, with a
// google.rpc.RetryInfo detail. A panic in a hook is Internal. All carry a
// google.rpc.ErrorInfo detail with the [bearer.Reason] in upper case and, under
// "scope", the scopes that are missing. The challenge that HTTP would send (RFC
// 6750, section 3) is in the metadata "www-authenticate" of the header, or of the
// trailer where a stream was under way. A call that ends while it waits for keys
// is DeadlineExceeded or Canceled, and no other call with it.
//
// # Streams
//
// A stream is judged when it opens, before its first message is read. By option
// it ends when its token expires or is no longer accepted
// (Options.ExpireStreams, Options.RecheckStreams). RecvMsg and SendMsg then
// return, also where they were blocked, and the stream's context is canceled
// with the refusal as its cause; the client is told Unauthenticated, whatever
// the handler returns. But only a returning handler ends a gRPC stream: one that
// looks neither at its stream nor at its context goes on, and the client with
// it, who from then on neither gets nor delivers a message. A message that was
// given to a RecvMsg which failed so must not be used again, since one that
// arrives late may still be written into it. With either option each message
// costs one goroutine, and each stream one or two. Behind net/http's server, by
// ServeHTTP, a client that does not read is told only when it reads again or
// hangs up, and a stream that was under way has no challenge.
//
// # Security
//
// The server answers calls of methods that it does not have with Unimplemented,
// without asking interceptors: whoever can connect can find out which methods
// exist. Where that matters, an option of the server puts such calls under the
// rules, which have none for them:
//
//	grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
//		return status.Error(codes.Unimplemented, "unknown method")
//	})
//
// Then only callers with a token learn anything, and all of them hear
// PermissionDenied. Interceptors are also not asked where a service is called in
// the server's own process without a connection, as grpc-gateway's
// Register...HandlerServer does.
//
// The one key of credentials is "authorization". A call with
// "authorization-bin" is refused; where the value of that is not base64, the
// server refuses it before any interceptor and repeats it in its message, so
// that a client which sends its token there finds it in its own logs.
package interceptor
