// Package interceptor guards gRPC methods with access tokens, unary and
// streaming alike.
//
//	guard, err := interceptor.New(verifier, scopes.Methods{
//		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
//		"/deploy.v1.Deployments/*":      scopes.Any("read:deployments", "deploy:applications"),
//	}, nil)
//	server := grpc.NewServer(guard.ServerOptions()...)
//
// A handler finds the caller with bearer.FromContext(ctx). A method without a
// rule is denied, health and reflection included. Refusals are Unauthenticated
// for a token that is missing or not good, PermissionDenied for a scope that is
// missing, and Unavailable where the issuer's keys cannot be had, which is no
// fault of the caller. They carry a google.rpc.ErrorInfo detail and, in the
// metadata, the challenge that HTTP would send.
//
// The server itself answers calls of methods that it does not have, with
// Unimplemented, without asking interceptors: whoever can connect can find out
// which methods exist.
package interceptor
