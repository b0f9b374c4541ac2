package profiles

// Address describes issuers whose keys are not at the place that their identifier implies, so that
// a configuration must name the address of the keys or of the metadata.
type Address struct {
	Issuer  string // a regular expression that matches the issuers
	Profile string // the Name of the only profile that the entry is for; "" stands for all profiles
	Advice  string // the form of the address
	Never   bool   // discovery can never work; otherwise it works in unusual installations
}

const (
	adviceOracleKeys = `required, because all Oracle's domains have this issuer, and it does not name your domain; set KeysURL to https://idcs-....identity.oraclecloud.com/admin/v1/SigningCert/jwk`
	adviceB2CKeys    = `the metadata of Azure AD B2C has the policy in its path; set MetadataURL to https://NAME.b2clogin.com/NAME.onmicrosoft.com/POLICY/v2.0/.well-known/openid-configuration, or the same with your domain`
	adviceADFSKeys   = `access tokens of AD FS usually have the issuer http://HOST/adfs/services/trust, unless an administrator changed the identifier of the federation service; set Config.Issuer to access_token_issuer of the metadata, Config.KeyOptions.MetadataURL to https://HOST/adfs/.well-known/openid-configuration, and Config.KeyOptions.MetadataIssuer to https://HOST/adfs`
)

// Addresses lists these issuers. The first entry that matches counts. The issuers of B2C with
// "/tfp/" name the policy, so discovery works for them. A domain of a customer can have a proxy
// that answers at other paths, and so can AD FS.
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var Addresses = []Address{
	{Issuer: `^https://identity\.oraclecloud\.com/$`, Advice: adviceOracleKeys, Never: true},
	{Issuer: `^` + b2cHost + `/[^/]+/v2\.0/$`, Profile: EntraB2C().Name, Advice: adviceB2CKeys, Never: true},
	{Issuer: `^https://[^/]+/[^/]+/v2\.0/$`, Profile: EntraB2C().Name, Advice: "set Config.KeyOptions: " + adviceB2CKeys},
	{Issuer: `^https://[^/]+/adfs/services/trust/?$`, Profile: ADFS().Name, Advice: adviceADFSKeys},
}
