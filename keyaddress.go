package bearer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/bearerkit/bearer/internal/profiles"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/jwks"
)

// needsAddress is an entry of profiles.Addresses.
type needsAddress struct {
	issuer *regexp.Regexp
	profiles.Address
}

// The first call of New compiles the regular expressions, and not the start of every program.
//
//nolint:gochecknoglobals // computed once, and the same for all verifiers
var needAddresses = sync.OnceValue(func() (list []needsAddress) {
	for _, a := range profiles.Addresses {
		list = append(list, needsAddress{regexp.MustCompile(a.Issuer), a})
	}
	return list
})

// checkAddress checks the issuers whose keys discovery does not find. It returns an error if
// discovery can never work, and a text for a warning if discovery works only in unusual
// installations. Both contain the form of the address.
func (cfg *Config) checkAddress() (warning string, err error) {
	if cfg.Keys != nil || locatesKeys(cfg.KeyOptions) {
		return "", nil
	}
	for _, a := range needAddresses() {
		if (a.Profile == "" || a.Profile == cfg.Profile.Name) && a.issuer.MatchString(cfg.Issuer) {
			if a.Never {
				return "", errors.New("Config.KeyOptions: " + a.Advice)
			}
			return a.Advice, nil
		}
	}
	return "", nil
}

// warnAddress logs the warning of checkAddress.
func (cfg *Config) warnAddress(text string) {
	if text != "" {
		cfg.warn("bearer: discovery usually finds no keys for this issuer", slog.String("issuer", cfg.Issuer), slog.String("profile", cfg.Profile.Name), slog.String("help", text))
	}
}

// httpIssuerAdvice returns how to fetch the keys of an issuer with an http URL over https. It
// returns "" for other issuers, and if the options contain an address.
func httpIssuerAdvice(issuer string, opts *jwks.Options) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "http" || locatesKeys(opts) {
		return ""
	}
	host := "HOST"
	if strings.TrimSuffix(u.Path, "/") == "/adfs/services/trust" && u.Port() == "" {
		host = u.Hostname()
	}
	return fmt.Sprintf("set Config.KeyOptions.MetadataURL to an https URL, and Config.KeyOptions.MetadataIssuer to the issuer in this metadata; "+
		"for AD FS, these are https://%[1]s/adfs/.well-known/openid-configuration and https://%[1]s/adfs. Without them, ", quote.Cut(host))
}
