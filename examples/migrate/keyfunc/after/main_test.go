package main

import (
	"testing"

	"github.com/bearerkit/bearer/examples/migrate/internal/migratetest"
)

func TestAnswers(t *testing.T) {
	migratetest.Check(t, newHandler, map[string]int{
		"good":                     200,
		"no token":                 401,
		"expired":                  401,
		"no exp":                   401,
		"another audience":         401,
		"forged":                   401,
		"scope missing":            403,
		"lower-case scheme":        200,
		"two Authorization fields": 400,
		"ID token":                 401,
		"bound to its sender":      401,
		"critical extension":       401,
		"claim twice":              401,
		"key unknown, issuer down": 503,
	})
}
