package scalekit

import (
	"log/slog"
	"net/http"
	"time"
)

// logged puts the access log around h: a line for each request, without query,
// header and body, which may have secrets.
func (env *Environment) logged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ctx, call := withCall(r.Context())
		answer := &loggedAnswer{ResponseWriter: w}
		defer func() {
			client, tokenID, _ := call.read()
			attributes := []slog.Attr{
				slog.String("method", r.Method),
				slog.String("path", r.URL.Path),
				slog.Int("status", answer.status), // 0: the connection was ended without an answer
				slog.Int("bytes", answer.bytes),
				slog.Duration("took", time.Since(begun)),
				slog.String("remote", r.RemoteAddr),
				slog.String("protocol", r.Proto),
			}
			for _, more := range []struct{ name, value string }{
				{"client", client}, {"token_id", tokenID}, {"grpc_status", answer.Header().Get("Grpc-Status")},
			} {
				if more.value != "" {
					attributes = append(attributes, slog.String(more.name, more.value))
				}
			}
			env.log.LogAttrs(ctx, slog.LevelInfo, "request", attributes...)
		}()
		h.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// loggedAnswer counts what is answered.
type loggedAnswer struct {
	http.ResponseWriter

	status, bytes int
}

// WriteHeader remembers the status.
func (a *loggedAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (a *loggedAnswer) Write(body []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(body)
	a.bytes += n
	return n, err
}

// Flush is for gRPC, which asks for an http.Flusher.
func (a *loggedAnswer) Flush() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	_ = http.NewResponseController(a.ResponseWriter).Flush() // a ResponseWriter that cannot has nothing to flush
}

// Unwrap is for http.ResponseController.
func (a *loggedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
