package scalekit

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // for clients that compress their requests
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// newRPC returns the gRPC server of the environment.
func (env *Environment) newRPC() *grpc.Server {
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxBodySize),
		grpc.UnaryInterceptor(env.rpcUnary),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			return rpcError(&apiError{code: codeUnimplemented, message: "Method Not Implemented"})
		}),
	)
	scalekitv1.RegisterClientServiceServer(server, &clientService{env: env})
	scalekitv1.RegisterOrganizationServiceServer(server, &organizationService{env: env})
	reflection.Register(server) // for tools such as grpcurl
	return server
}

// rpcUnary is a grpc.UnaryServerInterceptor. It requires a token of the environment's own
// client. It converts errors to the vendor's form.
func (env *Environment) rpcUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	err := env.authorize(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return nil, rpcError(err)
	}
	response, err := next(ctx, request)
	if err != nil {
		return nil, rpcError(err)
	}
	return response, nil
}

// rpcError converts err to a gRPC status with the details that the vendor's SDKs
// expect.
func rpcError(err error) error {
	if _, ok := status.FromError(err); ok {
		return err // err already has a gRPC status
	}
	reported := reportedError(err)
	info := &scalekitv1.ErrorInfo{ErrorCode: reported.code.name()}
	if len(reported.violations) > 0 {
		info.ValidationErrorInfo = &scalekitv1.ValidationErrorInfo{}
		for _, v := range reported.violations {
			info.ValidationErrorInfo.FieldViolations = append(info.ValidationErrorInfo.FieldViolations, &scalekitv1.ValidationErrorInfo_FieldViolation{
				Field: v.Field, Description: v.Description, Constraint: v.Constraint,
			})
		}
	}
	plain := status.New(codes.Code(reported.code), reported.message) //nolint:gosec // the code is one of the constants
	detailed, err := plain.WithDetails(info)
	if err != nil {
		return plain.Err()
	}
	return detailed.Err()
}

// rpcHandler returns a handler that serves gRPC over HTTP/2 and HTTP/1.1.
func rpcHandler(server *grpc.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			// The vendor's Go SDK sends gRPC calls to http:// URLs over HTTP/1.1.
			// A unary call does not need HTTP/2, because HTTP/1.1 has trailers,
			// too. Package grpc refuses HTTP/1.1, so this handler marks the request
			// as an HTTP/2 request.
			_ = http.NewResponseController(w).EnableFullDuplex() // an error has no effect, because a unary call works without full duplex
			r = r.WithContext(r.Context())
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		}
		server.ServeHTTP(w, r)
	})
}

// isRPC reports whether a request is a gRPC call.
func isRPC(r *http.Request) bool {
	contentType := r.Header.Get("Content-Type")
	return contentType == "application/grpc" || strings.HasPrefix(contentType, "application/grpc+") ||
		strings.HasPrefix(contentType, "application/grpc;")
}
