package interceptor

import "github.com/bearerkit/bearer/scopes"

// Health returns rules for Options.Include: the same rule for each method of the standard
// health service. With [scopes.Public], health checks of load balancers and orchestrators
// need no token, and every client can call List to read the names of all services. You may
// change the returned map.
//
// With [scopes.Public], every client can also keep streams of Watch open. The guard does not limit
// the number of these streams: with a limit for all clients together, an attacker can lock out
// the load balancer. Limit the streams of each connection with [grpc.MaxConcurrentStreams], which
// has no limit by default, and limit the connections in front of the server. If no client uses
// Watch, delete its rule, and the guard refuses the method.
func Health(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.health.v1.Health/Check": rule,
		"/grpc.health.v1.Health/List":  rule,
		"/grpc.health.v1.Health/Watch": rule,
	}
}

// Reflection returns rules for Options.Include: the same rule for each method of the server
// reflection service. The map contains the methods of v1 and v1alpha, because grpc's
// reflection.Register serves both versions. A client with access can read all services,
// methods and message types of the server. You may change the returned map. If the server
// uses reflection.RegisterV1, delete the method of v1alpha from the map.
func Reflection(rule scopes.Rule) scopes.Methods {
	return scopes.Methods{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      rule,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": rule,
	}
}
