package interceptor

import "github.com/bearerkit/bearer/scopes"

// Health returns the methods of the standard health service, all with the same rule, for
// Options.Include. With [scopes.Public], health checks of load balancers and orchestrators
// need no token, and every client can read the names of all services with List. The caller
// may change the returned set.
func Health(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.health.v1.Health/Check": rule,
		"/grpc.health.v1.Health/List":  rule,
		"/grpc.health.v1.Health/Watch": rule,
	}
}

// Reflection returns the methods of the server reflection service, all with the same rule,
// for Options.Include. The set contains v1 and v1alpha of the service, because grpc's
// reflection.Register serves both. A client with access can read all services, methods and
// message types of the server. The caller may change the returned set: if the server uses
// reflection.RegisterV1, delete the method of v1alpha.
func Reflection(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      rule,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": rule,
	}
}
