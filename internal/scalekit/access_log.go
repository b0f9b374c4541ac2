package scalekit

import (
	"log/slog"
	"net/http"
	"time"
)

// withAccessLog returns a handler that calls h and writes one record per request to the
// access log. A record does not contain the query, the request header or a body, because
// these can contain secrets.
func (env *Environment) withAccessLog(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ctx, call := withCall(r.Context())
		response := &loggedResponse{ResponseWriter: w}
		defer func() {
			client, tokenID, _ := call.read()
			attributes := []slog.Attr{
				slog.String("method", r.Method),
				slog.String("path", r.URL.Path),
				slog.Int("status", response.status), // 0 if no response was sent
				slog.Int("bytes", response.bytes),
				slog.Duration("took", time.Since(begun)),
				slog.String("remote", r.RemoteAddr),
				slog.String("protocol", r.Proto),
			}
			for _, more := range []struct{ name, value string }{
				{"client", client}, {"token_id", tokenID}, {"grpc_status", response.Header().Get("Grpc-Status")},
			} {
				if more.value != "" {
					attributes = append(attributes, slog.String(more.name, more.value))
				}
			}
			env.log.LogAttrs(ctx, slog.LevelInfo, "request", attributes...)
		}()
		h.ServeHTTP(response, r.WithContext(ctx))
	})
}

// loggedResponse records the status and the size of a response.
type loggedResponse struct {
	http.ResponseWriter

	status, bytes int
}

// WriteHeader writes the header and records the status.
func (r *loggedResponse) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body and counts the written bytes.
func (r *loggedResponse) Write(body []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(body)
	r.bytes += n
	return n, err
}

// Flush implements http.Flusher, which gRPC requires.
func (r *loggedResponse) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush() // fails only if the underlying writer cannot flush
}

// Unwrap returns the underlying writer. http.ResponseController calls Unwrap.
func (r *loggedResponse) Unwrap() http.ResponseWriter { return r.ResponseWriter }
