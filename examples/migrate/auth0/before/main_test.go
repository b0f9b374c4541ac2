package main

import (
	"testing"

	"github.com/bearerkit/bearer/examples/migrate/internal/migratetest"
)

// TestAnswers checks the statuses of the program in this folder. A comment such as
// "bearer: 401" contains the status of the program in ../after, if this status is different.
func TestAnswers(t *testing.T) {
	migratetest.Check(t, newHandler, map[string]int{
		"valid token":                             200,
		"no token":                                401,
		"expired token":                           401,
		"token without exp":                       200, // bearer: 401
		"token for a different audience":          401,
		"forged token":                            401,
		"token without the required scope":        403,
		"scheme Bearer in lower case":             200,
		"two Authorization fields":                400,
		"ID token":                                200, // bearer: 401
		"token bound to a client key":             401,
		"token with a critical extension":         200, // bearer: 401
		"token that contains a claim twice":       200, // bearer: 401
		"unknown key id while the issuer is down": 401, // bearer: 503
	})
}
