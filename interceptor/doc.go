// Package interceptor guards unary and streaming gRPC methods with access tokens.
//
//	guard, err := interceptor.New(verifier, scopes.Methods{
//		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
//		"/deploy.v1.Deployments/*":      scopes.Any("read:deployments", "deploy:applications"),
//	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}})
//	server := grpc.NewServer(guard.ServerOptions()...)
//	deployv1.RegisterDeploymentsServer(server, deployments)
//	log.Print(guard.Audit(server)) // lists each method with its rule, and rules without a method
//
// A handler gets the caller's claims from bearer.FromContext(ctx). The guard denies calls of
// methods without a rule. The methods of the health and reflection services need rules too.
// Call [Guard.Audit] at start or in a test to find methods without a rule.
//
// There are three example programs:
//
//   - examples/grpc uses a client, TLS and NewForwarder.
//   - examples/grpcmiddleware uses a chain with logging, recovery and OpenTelemetry.
//   - examples/grpcgateway serves HTTP and gRPC on one port.
//
// # Refusals
//
// A refused call ends with one of these status codes:
//
//   - Unauthenticated: the token is missing or invalid, or the credentials are not exactly
//     one bearer token. InvalidArgument is not used, because this code is for invalid
//     messages.
//   - PermissionDenied: the method has no rule, or its rule does not allow the call. For
//     example, the token lacks a required scope.
//   - Unavailable: the issuer's keys are unavailable, or this service must not query the issuer
//     for the key of this token yet. The caller may not be at fault. A google.rpc.RetryInfo detail
//     contains the time to wait.
//   - Internal: this service is at fault. For example, a function in the rule panicked.
//   - DeadlineExceeded or Canceled: the call ended while it waited for keys. Other calls
//     that wait for the same keys are not affected.
//
// Every status except DeadlineExceeded and Canceled carries a google.rpc.ErrorInfo detail.
// The reason in this detail is the [bearer.Reason] in upper case. The metadata "scope" contains
// the scopes that the client needs for this call, as in the challenge, and the metadata
// "missing_scope" contains those that the token does not grant. If the signature of a token was not verified, the reason is
// INVALID_TOKEN, whatever the [bearer.Reason] is, so that the client does not learn which
// check failed. A refusal with Unauthenticated or PermissionDenied has the
// same challenge as in HTTP (RFC 6750, section 3). The challenge is in the header metadata
// "www-authenticate". If the stream has already sent its header, the challenge is in the
// trailer. If the method has no rule, no scope helps, so the challenge contains no error
// code.
//
// # Streams
//
// The guard decides when a stream opens, before the first message is read. With
// Options.ExpireStreams, the guard also ends a stream when its token expires. With
// Options.RecheckStreams, the guard ends a stream when a later check refuses its caller. The
// guard ends a stream in this way:
//
//   - RecvMsg and SendMsg return the refusal, even if they were blocked.
//   - The stream's context is canceled, and its cause is the refusal.
//   - The client gets the refusal as the status, not the error that the handler returns.
//
// But gRPC ends a stream only when its handler returns. A handler that ignores both its
// stream and its context keeps running. Until the handler returns, the client gets no status
// and no messages, and the handler gets no messages. After RecvMsg has returned the refusal,
// do not use the message that you passed to RecvMsg, because gRPC may still write into it.
//
// With ExpireStreams or RecheckStreams, the guard starts one goroutine for each message,
// and one or two goroutines for each stream. There are two differences if net/http's server
// serves gRPC with [grpc.Server.ServeHTTP]:
//
//   - If a client does not read, it gets the refusal only when it reads again.
//   - If a stream has already sent its header, the client gets no challenge.
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
// PermissionDenied with a valid token.
//
// A gRPC proxy also uses a handler for unknown methods. It passes the name of the method on
// to another service, which may read the name differently. So the rule
// "/package.Service/*" covers only names that are identifiers, and not "Create?x", "Cre%61te"
// or "..". Names are case-sensitive in gRPC. If the other service ignores the letter case,
// do not combine a strict rule for "/package.Service/Create" with a weaker rule for
// "/package.Service/*", which covers "/package.Service/create". Declare a rule for each
// method instead. The handler must pass on the name from [grpc.MethodFromServerStream],
// which is the name that the guard has checked.
//
// The interceptors do not run if a program calls its own service without a connection.
// grpc-gateway's Register...HandlerServer makes such calls.
//
// The guard reads credentials only from the metadata key "authorization". It refuses a call
// with the key "authorization-bin". If the value of this key is not base64, the server
// refuses the call before it runs an interceptor, and repeats the value in the status
// message. So if a client sends its token in this key, the token can appear in the client's
// log.
package interceptor
