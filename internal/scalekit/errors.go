package scalekit

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
)

const errorInfoType = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"

// code is a gRPC status code. REST errors contain a gRPC status code, too.
type code int

const (
	codeInvalidArgument    code = 3
	codeDeadlineExceeded   code = 4
	codeNotFound           code = 5
	codeAlreadyExists      code = 6
	codePermissionDenied   code = 7
	codeResourceExhausted  code = 8
	codeFailedPrecondition code = 9
	codeUnimplemented      code = 12
	codeInternal           code = 13
	codeUnavailable        code = 14
	codeUnauthenticated    code = 16
)

// name returns the vendor's name of the code. ErrorInfo contains this name.
func (c code) name() string {
	switch c {
	case codeInvalidArgument:
		return "INVALID_ARGUMENT"
	case codeDeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codeNotFound:
		return "NOT_FOUND"
	case codeAlreadyExists:
		return "ALREADY_EXISTS"
	case codePermissionDenied:
		return "PERMISSION_DENIED"
	case codeResourceExhausted:
		return "RATE_LIMITED" // the vendor's name for this code
	case codeFailedPrecondition:
		return "FAILED_PRECONDITION"
	case codeUnimplemented:
		return "UNIMPLEMENTED"
	case codeUnavailable:
		return "UNAVAILABLE"
	case codeUnauthenticated:
		return "UNAUTHENTICATED"
	default:
		return "INTERNAL"
	}
}

// status returns the HTTP status for the code.
func (c code) status() int {
	switch c {
	case codeInvalidArgument, codeFailedPrecondition:
		return http.StatusBadRequest
	case codeDeadlineExceeded:
		return http.StatusGatewayTimeout
	case codeNotFound:
		return http.StatusNotFound
	case codeAlreadyExists:
		return http.StatusConflict
	case codePermissionDenied:
		return http.StatusForbidden
	case codeResourceExhausted:
		return http.StatusTooManyRequests
	case codeUnimplemented:
		return http.StatusNotImplemented
	case codeUnavailable:
		return http.StatusServiceUnavailable
	case codeUnauthenticated:
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

// apiError is an error that the API returns to the client, with an unchanged message.
type apiError struct {
	code       code
	message    string
	violations []violation
}

// Error returns the message.
func (e *apiError) Error() string { return e.message }

type errorInfo struct {
	Type       string          `json:"@type"`
	ErrorCode  string          `json:"error_code"`
	Validation *validationInfo `json:"validation_error_info,omitempty"`
}

type validationInfo struct {
	FieldViolations []violation `json:"field_violations"`
}

type errorBody struct {
	Code    code        `json:"code"`
	Message string      `json:"message"`
	Details []errorInfo `json:"details"`
}

// reportedError returns err if err is an apiError. If err wraps an apiError, reportedError
// returns the wrapped apiError. Otherwise, reportedError returns an apiError with the
// message "internal error", so that the client gets no details.
func reportedError(err error) *apiError {
	reported := &apiError{code: codeInternal, message: "internal error"}
	errors.As(err, &reported)
	return reported
}

// body returns the body of a REST response with this error.
func (e *apiError) body() errorBody {
	info := errorInfo{Type: errorInfoType, ErrorCode: e.code.name()}
	if len(e.violations) > 0 {
		info.Validation = &validationInfo{e.violations}
	}
	return errorBody{e.code, e.message, []errorInfo{info}}
}

// writeError writes err as a REST response.
func writeError(w http.ResponseWriter, err error) {
	reported := reportedError(err)
	if reported.code == codeUnauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 15.5.2
	}
	writeJSON(w, reported.code.status(), reported.body())
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body, json.Deterministic(true))
	if err != nil { // impossible, because all texts in body are valid UTF-8
		status, encoded = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // the body may contain a secret
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // an error means that the client is gone
}
