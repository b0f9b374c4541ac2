package interceptor

import "github.com/bearerkit/bearer/scopes"

// Health returns the methods of the standard health service, all with the same rule, for
// Options.Include. With [scopes.Public], load balancers and probes of the orchestrator need
// no token, and every client can read the names of all services with List. The caller may
// change the returned set.
func Health(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.health.v1.Health/Check": rule,
		"/grpc.health.v1.Health/List":  rule,
		"/grpc.health.v1.Health/Watch": rule,
	}
}

// Reflection returns the methods of the server reflection service, all with the same rule,
// for Options.Include. They are the methods of both versions that grpc's
// reflection.Register serves. Reflection shows all services, methods and messages of the
// server. The caller may change the returned set: with reflection.RegisterV1, delete the
// method that [Guard.Audit] reports as a rule without a method.
func Reflection(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      rule,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": rule,
	}
}
