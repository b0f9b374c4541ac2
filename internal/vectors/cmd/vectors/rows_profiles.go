package main

import "maps"

const (
	adfsIssuer   = "http://fs.issuer.example/adfs/services/trust"     // the issuer of the verifier "ad-fs"
	oracleIssuer = "https://identity.oraclecloud.com/"                // the issuer of the verifier "oracle-idcs"
	oracleDomain = "idcs-0123456789abcdef0123456789abcdef"            // the domain in Tenants of the verifier "oracle-idcs"
	otherDomain  = "idcs-ffffffffffffffffffffffffffffffff"            // the domain of another customer
	profileDocs  = "documentation and published tokens of the vendor" // the source of the rows
)

// profileRows adds rows with tokens of issuers that have a profile of their own. The rows of the
// profile Scalekit are in other files.
func profileRows(r *rows) {
	plainJWTRows(r)
	adfsRows(r)
	oracleRows(r)
}

func plainJWTRows(r *rows) {
	with := withVerifier("plain-jwt")
	token := func(claims members) string { return r.token(members{"typ": "JWT"}, claims) }
	r.accepted("R01", "LemonLDAP::NG, makeJWT", "typ is JWT, profile is PlainJWT", token(members{"scope": "read:things"}), with, withScope("read:things"))
	r.accepted("R01", "LemonLDAP::NG, makeJWT", "typ is at+jwt, profile is PlainJWT", r.token(nil, nil), with)
	for name, typ := range pairs("logout token", "logout+jwt", "proof", "dpop+jwt", "event", "secevent+jwt") {
		r.add("type", "R01 P13", "RFC 8725 3.11", "typ of a "+name+", profile is PlainJWT", r.token(members{"typ": typ}, nil), with)
	}
	r.add("type", "R01 P13", "RFC 8725 3.11", "no typ, profile is PlainJWT", r.token(members{"typ": nil}, nil), with)
	for _, claim := range []string{"azp", "nonce", "at_hash", "c_hash", "s_hash"} {
		r.add("claims", "P14", "OpenID Connect Core 2, 3.3.2.11", "typ is JWT and the token has "+claim+", profile is PlainJWT", token(members{claim: "x"}), with)
	}
	r.add("claims", "P14", "RFC 8417 2.2", "typ is JWT and the token has events, profile is PlainJWT", token(members{"events": members{}}), with)
	for _, claim := range []string{"sub", "client_id", "iat", "jti"} {
		r.add("claims", "R09", "RFC 9068 2.2", "typ is JWT and the token has no "+claim+", profile is PlainJWT", token(members{claim: nil}), with)
	}
}

func adfsRows(r *rows) {
	with := withVerifier("ad-fs")
	token := func(changes members) string {
		own := members{"iss": adfsIssuer, "client_id": nil, "jti": nil, "appid": "app", "apptype": "Confidential", "ver": "1.0", "scp": "read:things", "auth_time": "2019-06-05T20:30:17.507Z"}
		maps.Copy(own, changes)
		return r.token(members{"typ": "JWT"}, own)
	}
	r.accepted("R10", profileDocs, "scp instead of scope, no client_id and no jti, profile is ADFS", token(nil), with, withScope("read:things"))
	r.add("issuer", "R03", profileDocs, "the issuer of AD FS's ID tokens", token(members{"iss": "https://fs.issuer.example/adfs"}), with)
	for _, claim := range []string{"ver", "appid", "apptype", "iat"} {
		r.add("claims", "R09", profileDocs, "no "+claim+", profile is ADFS", token(members{claim: nil}), with)
	}
	r.add("claims", "P14", profileDocs, "ver is 2.0, profile is ADFS", token(members{"ver": "2.0"}), with)
	r.add("claims", "P14", "OpenID Connect Core 2", "the token has nonce, profile is ADFS", token(members{"nonce": "x"}), with)
}

func oracleRows(r *rows) {
	with := withVerifier("oracle-idcs")
	token := func(changes members) string {
		own := members{"iss": oracleIssuer, "tok_type": "AT", "tenant": oracleDomain, "client_tenantname": oracleDomain}
		maps.Copy(own, changes)
		return r.token(members{"typ": nil}, own)
	}
	r.accepted("R01", profileDocs, "tok_type is AT, no typ, profile is OracleIDCS", token(nil), with)
	r.add("claims", "P14", profileDocs, "tok_type is IT, profile is OracleIDCS", token(members{"tok_type": "IT"}), with)
	r.add("claims", "P14", profileDocs, "no tok_type, profile is OracleIDCS", token(members{"tok_type": nil}), with)
	r.add("claims", "P19", profileDocs, "the domain of another customer, profile is OracleIDCS", token(members{"tenant": otherDomain}), with)
	r.add("claims", "P19", profileDocs, "the client is of an accepted domain, but the token is for another domain, profile is OracleIDCS", token(members{"tenant": otherDomain, "client_tenantname": oracleDomain}), with)
	r.add("claims", "P19", profileDocs, "no domain, profile is OracleIDCS", token(members{"tenant": nil}), with)
	r.add("issuer", "R03", profileDocs, "Oracle's issuer without the slash at the end", token(members{"iss": "https://identity.oraclecloud.com"}), with)
}
