package interceptor

import "github.com/bearerkit/bearer/scopes"

// Health returns the methods of the standard health service, all under one
// rule, for Options.Include. With [scopes.Public] load balancers and the
// orchestrator's probes need no token; List tells them the names of all services
// then. The set is the caller's own, to change as it likes.
func Health(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.health.v1.Health/Check": rule,
		"/grpc.health.v1.Health/List":  rule,
		"/grpc.health.v1.Health/Watch": rule,
	}
}

// Reflection returns the methods of the server reflection service, in both
// versions that grpc's reflection.Register serves, under one rule, for
// Options.Include. Reflection tells all services, methods and messages of the
// server. The set is the caller's own: with reflection.RegisterV1 delete what
// [Guard.Audit] then reports as a rule without a method.
func Reflection(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      rule,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": rule,
	}
}
