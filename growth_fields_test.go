//go:build !race

package bearer_test

import (
	"fmt"
	"strings"
)

// A growingField makes tokens with a field of any length.
type growingField struct {
	name string
	// make returns the members of header and claims for a length. The members replace the
	// usual members of the same name.
	make func(length int) (header, claims []jsonMember)
}

// jsonMember is a member of an object. Both strings are JSON text.
type jsonMember struct{ name, value string }

// fill joins the texts for 0, 1, 2 and so on with commas. The result has about length bytes.
func fill(length int, text func(i int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < length; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(i))
	}
	return b.String()
}

// fillMembers returns members whose texts together have about length bytes.
func fillMembers(length int, member func(i int) jsonMember) (members []jsonMember) {
	for i, n := 0, 0; n < length; i++ {
		m := member(i)
		n += len(m.name) + len(m.value) + len(":,")
		members = append(members, m)
	}
	return members
}

func inHeader(members func(length int) []jsonMember) func(int) ([]jsonMember, []jsonMember) {
	return func(length int) ([]jsonMember, []jsonMember) { return members(length), nil }
}

func inClaims(members func(length int) []jsonMember) func(int) ([]jsonMember, []jsonMember) {
	return func(length int) ([]jsonMember, []jsonMember) { return nil, members(length) }
}

// oneClaim returns the function make for a field in one claim.
func oneClaim(name string, value func(length int) string) func(int) ([]jsonMember, []jsonMember) {
	return inClaims(func(length int) []jsonMember { return []jsonMember{{`"` + name + `"`, value(length)}} })
}

func oneHeader(name string, value func(length int) string) func(int) ([]jsonMember, []jsonMember) {
	return inHeader(func(length int) []jsonMember { return []jsonMember{{`"` + name + `"`, value(length)}} })
}

func array(length int, element func(i int) string) string { return "[" + fill(length, element) + "]" }

func object(length int, member func(i int) string) string { return "{" + fill(length, member) + "}" }

// longText returns a JSON string that repeats text.
func longText(text string) func(int) string {
	return func(length int) string { return `"` + strings.Repeat(text, length/len(text)) + `"` }
}

func listOf(element string) func(int) string {
	return func(length int) string {
		return array(length, func(i int) string {
			if strings.Contains(element, "%") {
				return fmt.Sprintf(element, i)
			}
			return element
		})
	}
}

func membersOf(member string) func(int) string {
	return func(length int) string {
		return object(length, func(i int) string { return fmt.Sprintf(member, i) })
	}
}

// manyMembers returns members with short names.
func manyMembers(name, value string) func(int) []jsonMember {
	return func(length int) []jsonMember {
		return fillMembers(length, func(i int) jsonMember { return jsonMember{fmt.Sprintf(name, i), value} })
	}
}

// longNames returns 64 members whose names grow. The names differ only at the end.
func longNames(text string) func(int) []jsonMember {
	return func(length int) (members []jsonMember) {
		for i := range 64 {
			members = append(members, jsonMember{fmt.Sprintf(`"%s%02d"`, strings.Repeat(text, max(1, (length/64-7)/len(text))), i), "1"})
		}
		return members
	}
}

// matchingAudience returns an array that has the audience of the verifier as its last element.
func matchingAudience(element string) func(int) string {
	return func(length int) string {
		return strings.TrimSuffix(listOf(element)(length), "]") + `,"` + audience + `"]`
	}
}

// repeatedAudience returns the function make for "aud" in the header and in the claims.
func repeatedAudience(element string) func(int) (header, claims []jsonMember) {
	return func(length int) (header, claims []jsonMember) {
		aud := []jsonMember{{`"aud"`, matchingAudience(element)(length / 2)}}
		return aud, aud
	}
}

// growingFields returns a row for each part of a token that a client or an issuer can make
// larger.
func growingFields() []growingField { return append(acceptedFields(), refusedFields()...) }

// acceptedFields returns the rows of tokens that the verifier accepts if the signature is
// valid.
func acceptedFields() []growingField {
	return []growingField{
		{"plain claim", oneClaim("x", longText("x"))},
		{"header: many members", inHeader(manyMembers(`"n%d"`, "1"))},
		{"header: many members with escapes", inHeader(manyMembers(`"\u006e%d"`, "1"))},
		{"header: long names", inHeader(longNames("n"))},
		{"header: long names with escapes", inHeader(longNames(`\u006e`))},
		{"header: nested objects", oneHeader("x", listOf(`{"a":{"b":{}}}`))},
		{"claims: many members", inClaims(manyMembers(`"n%d"`, "1"))},
		{"claims: many members with escapes", inClaims(manyMembers(`"\u006e%d"`, "1"))},
		{"claims: long names", inClaims(longNames("n"))},
		{"claims: long names with escapes", inClaims(longNames(`\u006e`))},
		{"claims: long names with surrogates", inClaims(longNames(`\ud83d\ude00`))},
		{"claims: escapes in values", inClaims(manyMembers(`"n%d"`, `"\/\/"`))},
		{"claims: colons", oneClaim("x", longText(":"))},
		{"claims: colons and an escape", oneClaim("x", func(length int) string { return longText(":")(length)[:length] + `\n"` })},
		{"claims: many objects", oneClaim("x", listOf(`{"a":1}`))},
		{"claims: many empty objects", oneClaim("x", listOf(`{}`))},
		{"claims: deep objects", oneClaim("x", listOf(strings.Repeat(`{"a":`, 13)+"1"+strings.Repeat("}", 13)))},
		{"claims: deep arrays", oneClaim("x", listOf(strings.Repeat("[", 13)+strings.Repeat("]", 13)))},
		{"claims: object with many members", oneClaim("x", membersOf(`"n%d":1`))},
		{"claims: object with many members with escapes", oneClaim("x", membersOf(`"\u006e%d":1`))},
		{"claims: long number", oneClaim("x", func(length int) string { return strings.Repeat("1", length) })},
		{"claims: spaces", inClaims(func(length int) []jsonMember {
			return []jsonMember{{`"x"`, strings.Repeat(" \n", length/2) + "1"}}
		})},
		{"claims: sub", oneClaim("sub", longText("s"))},
		{"claims: sub with escapes", oneClaim("sub", longText(`\u0073`))},
		{"claims: jti", oneClaim("jti", longText("j"))},
		{"claims: client_id with escapes", oneClaim("client_id", longText(`\n`))},
		{"claims: token_use", oneClaim("token_use", longText(`\u0061`))},
		{"claims: scope", oneClaim("scope", func(length int) string {
			return `"` + strings.ReplaceAll(fill(length, func(i int) string { return fmt.Sprintf("s%d", i) }), ",", " ") + `"`
		})},
		{"claims: scope, one repeated", oneClaim("scope", func(length int) string { return `"` + strings.Repeat("a ", length/2) + `a"` })},
		{"claims: scope with escapes", oneClaim("scope", longText(`\u0061\u0020\u0062`))},
		{"claims: scp", oneClaim("scp", listOf(`"s%d"`))},
		{"claims: scp with escapes", oneClaim("scp", listOf(`"\u0073%d"`))},
		{"claims: scp, one repeated", oneClaim("scp", listOf(`"s"`))},
		{"claims: roles", oneClaim("roles", listOf(`"r%d"`))},
		{"claims: roles with escapes", oneClaim("roles", listOf(`"\u0072%d"`))},
		{"claims: roles, object", oneClaim("roles", membersOf(`"r%d":true`))},
		{"claims: roles, object with escapes", oneClaim("roles", membersOf(`"\u0072%d":true`))},
		{"claims: roles, object of objects", oneClaim("roles", membersOf(`"r%d":{"\u0061":""}`))},
		{"claims: roles, ignored members", oneClaim("roles", membersOf(`"r%d":0`))},
		{"claims: roles, long ignored member", oneClaim("roles", func(length int) string { return `{"r":` + membersOf(`"\u0072%d":""`)(length-12) + `,"x":0}` })},
		{"claims: roles, objects", oneClaim("roles", listOf(`{"r%d":1}`))},
		{"claims: scp, elements that are no scopes", oneClaim("scp", listOf(`"%d é"`))},
		{"claims: scope, spaces", oneClaim("scope", func(length int) string { return `"` + strings.Repeat(" ", length) + `a"` })},
		{"claims: inner roles", oneClaim("realm_access", membersOf(`"\u0072%d":1`))},
		{"header: aud", repeatedAudience(`"a%d"`)},
		{"header: aud with escapes", repeatedAudience(`"\u0061%d"`)},
		{"claims: matching aud", oneClaim("aud", matchingAudience(`"a%d"`))},
		{"claims: matching aud with escapes", oneClaim("aud", matchingAudience(`"\u0061%d"`))},
	}
}

// refusedFields returns the rows of tokens that the verifier refuses.
func refusedFields() []growingField {
	return []growingField{
		{"header: kid", oneHeader("kid", longText("k"))},
		{"header: kid with escapes", oneHeader("kid", longText(`\u006b`))},
		{"header: typ", oneHeader("typ", longText("T"))},
		{"header: typ with escapes", oneHeader("typ", longText(`\u00e9`))},
		{"header: alg", oneHeader("alg", longText("A"))},
		{"header: crit", oneHeader("crit", listOf(`"c%d"`))},
		{"header: aud is an object", func(length int) (header, claims []jsonMember) {
			return []jsonMember{{`"aud"`, membersOf(`"b%d":1`)(length / 2)}}, []jsonMember{{`"aud"`, membersOf(`"b%d": 1`)(length / 2)}}
		}},
		{"claims: duplicate name at the end", inClaims(func(length int) []jsonMember {
			return append(manyMembers(`"\u006e%d"`, "1")(length), jsonMember{`"n0"`, "1"})
		})},
		{"claims: syntax error at the end", inClaims(func(length int) []jsonMember {
			return append(manyMembers(`"\u006e%d"`, "1")(length), jsonMember{`"x"`, "01"})
		})},
		{"claims: invalid UTF-8 at the end", inClaims(func(length int) []jsonMember {
			return append(manyMembers(`"n%d"`, "1")(length), jsonMember{`"x"`, "\"\xff\""})
		})},
		{"claims: lone surrogate at the end", inClaims(func(length int) []jsonMember {
			return append(manyMembers(`"n%d"`, "1")(length), jsonMember{`"x"`, `"\ud800"`})
		})},
		{"claims: too deep at the end", oneClaim("x", func(length int) string {
			return listOf("[]")(length - 40)[:length-41] + "," + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "]"
		})},
		{"claims: exp", oneClaim("exp", func(length int) string { return strings.Repeat("1", length) })},
		{"claims: exp with a fraction", oneClaim("exp", func(length int) string { return "4000000000." + strings.Repeat("1", length) })},
		{"claims: iss", oneClaim("iss", longText("i"))},
		{"claims: tid", oneClaim("tid", longText("i"))},
		{"claims: tid with escapes", oneClaim("tid", longText(`\u0069`))},
		{"claims: aud", oneClaim("aud", listOf(`"a%d"`))},
		{"claims: aud with escapes", oneClaim("aud", listOf(`"\u0061%d"`))},
		{"claims: aud, one long text", oneClaim("aud", longText(`a`))},
		{"claims: aud, number at the end", oneClaim("aud", func(length int) string { return strings.TrimSuffix(listOf(`"\u0061"`)(length), "]") + ",1]" })},
		{"claims: cnf", oneClaim("cnf", membersOf(`"n%d":1`))},
		{"claims: cnf with escapes", oneClaim("cnf", membersOf(`"\u006e%d":1`))},
	}
}
