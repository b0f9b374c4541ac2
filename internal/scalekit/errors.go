package scalekit

import (
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
)

const errorInfoType = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"

// code is a gRPC status code, which errors over REST carry as well.
type code int

const (
	codeInvalidArgument  code = 3
	codeNotFound         code = 5
	codePermissionDenied code = 7
	codeUnimplemented    code = 12
	codeInternal         code = 13
	codeUnauthenticated  code = 16
)

// name is the "error_code" of the vendor's ErrorInfo.
func (c code) name() string {
	switch c {
	case codeInvalidArgument:
		return "INVALID_ARGUMENT"
	case codeNotFound:
		return "NOT_FOUND"
	case codePermissionDenied:
		return "PERMISSION_DENIED"
	case codeUnimplemented:
		return "UNIMPLEMENTED"
	case codeUnauthenticated:
		return "UNAUTHENTICATED"
	default:
		return "INTERNAL"
	}
}

// status is the HTTP status that belongs to the code.
func (c code) status() int {
	switch c {
	case codeInvalidArgument:
		return http.StatusBadRequest
	case codeNotFound:
		return http.StatusNotFound
	case codePermissionDenied:
		return http.StatusForbidden
	case codeUnimplemented:
		return http.StatusNotImplemented
	case codeUnauthenticated:
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

// apiError is an error that the API reports to its caller, word by word.
type apiError struct {
	code       code
	message    string
	violations []violation
}

// Error returns the message.
func (e *apiError) Error() string { return e.message }

// violation is what is wrong with one field of a request.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Constraint  string `json:"constraint"`
}

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

// writeError answers with err, of which nothing is told unless it is an
// apiError.
func writeError(w http.ResponseWriter, err error) {
	reported := &apiError{code: codeInternal, message: "internal error"}
	errors.As(err, &reported)
	info := errorInfo{Type: errorInfoType, ErrorCode: reported.code.name()}
	if len(reported.violations) > 0 {
		info.Validation = &validationInfo{reported.violations}
	}
	if reported.code == codeUnauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 15.5.2
	}
	writeJSON(w, reported.code.status(), errorBody{reported.code, reported.message, []errorInfo{info}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // our own types, whose texts came in as valid JSON
		status, encoded = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // there may be a secret in it
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client is gone: nobody is left to tell
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeNotFound, message: "Not Found"})
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeUnimplemented, message: "Method Not Allowed"})
}
