package jwks

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jwkSetOf returns the content of a file as a JWK Set. A JWK Set stays as it is, so errors name the
// positions in the file.
func jwkSetOf(ctx context.Context, path string, content []byte) ([]byte, error) {
	if has, err := newSource(content).has(); err == nil && has["keys"] {
		return content, nil
	}
	keys, err := keysOf(ctx, path, content)
	if err != nil {
		return nil, err
	}
	return encodeSet(keys), nil
}

// keysOf returns the keys in a file as JWKs. The file contains a JWK Set, one JWK, PEM blocks, or a
// JSON object whose member names are key ids and whose values are PEM blocks. A key in PEM has the
// name of the file, without the extension, as its kid. A JWK may have the mistakes that Parse
// tolerates. It keeps them, because Parse reads the result.
func keysOf(ctx context.Context, path string, content []byte) (keys []jsontext.Value, err error) {
	s := newSource(content)
	has, err := s.has()
	switch {
	case errors.Is(err, errNoObject) && bytes.Contains(content, []byte("-----BEGIN ")):
		name := filepath.Base(path)
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("file %q: the name is not valid UTF-8, so it cannot be the kid of the key; rename the file", path)
		}
		keys, err = keysOfPEM(strings.TrimSuffix(name, filepath.Ext(name)), s.original)
	case err != nil:
		err = noKeyFile(err)
	case has["keys"]:
		keys, err = rawElements(ctx.Err, content)
	case has["kty"]:
		keys = []jsontext.Value{bytes.TrimSpace(s.original)}
	default:
		keys, err = keysOfMap(s.original)
	}
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	return keys, nil
}

// noKeyFile returns the error for a file whose content has none of the forms of keysOf.
func noKeyFile(err error) error {
	return fmt.Errorf("neither a JWK Set, nor a JWK, nor PEM, nor a JSON object of key ids and PEM: %w", err)
}

// has reports which of the members "keys" and "kty" a JSON object has.
func (s source) has() (map[string]bool, error) {
	has := make(map[string]bool)
	reader := objectReader{source: s, names: []string{"keys", "kty"}}
	err := reader.read(func(dec *jsontext.Decoder, name string) error {
		has[name] = true
		return dec.SkipValue()
	})
	return has, err
}

// rawElements returns the elements of "keys" as they are in the file.
func rawElements(ended func() error, content []byte) ([]jsontext.Value, error) {
	found, err := elements(ended, content)
	if err != nil {
		return nil, err
	}
	keys := make([]jsontext.Value, len(found))
	for i, element := range found {
		keys[i] = element.original
	}
	return keys, nil
}

// keysOfMap returns the keys of a JSON object whose member names are key ids and whose values are
// certificates or public keys in PEM. Google and Firebase publish their certificates in this form.
func keysOfMap(content []byte) ([]jsontext.Value, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(content, &members); err != nil {
		return nil, noKeyFile(withoutContent(err))
	}
	var keys []jsontext.Value
	for _, id := range slices.Sorted(maps.Keys(members)) {
		var text string
		if err := json.Unmarshal(members[id], &text); err != nil {
			return nil, errors.New(`a JSON object with neither "keys" nor "kty" must have key ids as names and PEM as values; a value is not a string`)
		}
		found, err := keysOfPEM(id, []byte(text))
		if err != nil {
			return nil, err
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

// errNoPEM means that there is no PEM block.
var errNoPEM = errors.New("no PEM block")

// keysOfPEM returns the public keys and the keys of the certificates of PEM blocks as JWKs with the
// given kid. The dates and the signatures of certificates are not checked, because the files come
// from the operator and not from an issuer. A block that is damaged or not complete is an error,
// wherever it is. Text between the blocks is no error.
func keysOfPEM(id string, content []byte) ([]jsontext.Value, error) {
	begins, ends := bytes.Count(content, []byte("-----BEGIN ")), bytes.Count(content, []byte("-----END "))
	var keys []jsontext.Value
	for {
		block, rest := pem.Decode(content)
		if block == nil {
			break
		}
		content = rest
		if len(keys) == maxKeys {
			return nil, errTooManyKeys
		}
		key, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: id, USE: jwkset.UseSig}})
		if err != nil {
			return nil, fmt.Errorf("a key of a type that is not supported: %w", err)
		}
		element, err := json.Marshal(jwk.Marshal())
		if err != nil {
			return nil, err
		}
		keys = append(keys, element)
	}
	if len(keys) == 0 {
		return nil, errNoPEM
	}
	// pem.Decode skips what it cannot decode. Each block that was decoded is one key.
	if begins != len(keys) || ends != len(keys) {
		return nil, errors.New("a PEM block is damaged or not complete")
	}
	return keys, nil
}

// publicKey returns the public key in a PEM block.
func publicKey(block *pem.Block) (any, error) {
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE", "TRUSTED CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	default:
		if strings.Contains(block.Type, "PRIVATE") {
			return nil, errors.New("a private key; want the public key only, because anyone who can read the private key can forge tokens")
		}
		return nil, errors.New("a PEM block that is neither a public key nor a certificate")
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("a PEM block of type %s cannot be parsed", block.Type)
	case key == nil:
		return nil, errors.New("a certificate has a key of a type that is not supported")
	}
	return key, nil
}

// encodeSet returns a JWK Set with the given elements. It does not check the elements.
func encodeSet(keys []jsontext.Value) []byte {
	set := []byte(`{"keys":[`)
	for i, key := range keys {
		if i > 0 {
			set = append(set, ',')
		}
		set = append(set, key...)
	}
	return append(set, "]}"...)
}
