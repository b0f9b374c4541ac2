package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// fileURL returns the file URL of a path.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

func newSigner(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemOf(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func privatePEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// certificateOf returns a certificate that expired a year ago.
func certificateOf(t *testing.T, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "keys"}, NotAfter: time.Now().AddDate(-1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func writeFiles(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// found returns the keys of a cache as "kid type", sorted.
func found(c *jwks.Cache) string {
	var keys []string
	for _, key := range c.Status().Keys {
		keys = append(keys, key.ID()+" "+key.Type())
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// The cache finds the keys of every form of a file, alone and in a folder.
func TestFileForms(t *testing.T) {
	rsaKey, p256, p384, p521, ed := newSigner(t, "RSA"), newSigner(t, "P-256"), newSigner(t, "P-384"), newSigner(t, "P-521"), newSigner(t, "Ed25519")
	jwk, err := json.Marshal(ecKey("one"))
	if err != nil {
		t.Fatal(err)
	}
	byID, err := json.Marshal(map[string]string{"c1": certificateOf(t, rsaKey), "c2": pemOf(t, p256)})
	if err != nil {
		t.Fatal(err)
	}
	rsaPublic, _ := rsaKey.Public().(*rsa.PublicKey)
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(rsaPublic)}))
	rows := []struct{ name, content, want string }{
		{"set.jwks", string(document(ecKey("a"), ecKey("b"))), "a EC P-256, b EC P-256"},
		{"bom.json", "\xef\xbb\xbf" + string(jwk), "one EC P-256"},
		{"one.json", string(jwk), "one EC P-256"},
		{"rsa.pem", pemOf(t, rsaKey), "rsa RSA 2048"},
		{"pkcs1.pem", pkcs1, "pkcs1 RSA 2048"},
		{"p256.pub", "text before\n" + pemOf(t, p256) + "text after", "p256 EC P-256"},
		{"p384.key.pem", pemOf(t, p384), "p384.key EC P-384"},
		{"p521.pem", pemOf(t, p521), "p521 EC P-521"},
		{"ed.pem", pemOf(t, ed), "ed Ed25519"},
		{"certificate.crt", certificateOf(t, p384), "certificate EC P-384"},
		{"two.pem", pemOf(t, p256) + certificateOf(t, rsaKey), "two EC P-256, two RSA 2048"},
		{"map.json", string(byID), "c1 RSA 2048, c2 EC P-256"},
	}
	all := map[string]string{"README.md": "no key", ".hidden.pem": "no key", "sub/inner.pem": pemOf(t, p256)}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			folder := t.TempDir()
			writeFiles(t, folder, map[string]string{row.name: row.content})
			for _, path := range []string{filepath.Join(folder, row.name), folder} {
				want(t, "keys at "+filepath.Base(path), found(newFileCache(t, path)), row.want)
			}
		})
		if row.name != "bom.json" { // the same key as one.json
			all[row.name] = row.content
		}
	}
	folder := t.TempDir()
	writeFiles(t, folder, all)
	want(t, "number of keys of all files", len(newFileCache(t, folder).Status().Keys), 14)
}

func newFileCache(t *testing.T, path string) *jwks.Cache {
	t.Helper()
	o := options(nil)
	o.Transport = nil
	c, err := jwks.New(fileURL(path), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// Files that cannot be used give an error that names the file and the problem, and contains no key
// material. The last good keys stay in use, also if a good file is beside the bad file.
func TestFileProblems(t *testing.T) {
	p256 := newSigner(t, "P-256")
	good := pemOf(t, p256)
	private := privatePEM(t, p256)
	rows := []struct{ name, content, problem string }{
		{"x.pem", private, "a private key; want the public key only"},
		{"x.pem", good + private, "a private key; want the public key only"},
		{"x.pem", good[:len(good)-20], "no PEM block"},
		{"x.pem", good + good[:len(good)-20], "a PEM block is damaged or not complete"},
		{"x.pem", good + "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n" + good, "a PEM block is damaged or not complete"},
		{"x.pem", good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICAT-----\n" + good, "a PEM block is damaged or not complete"},
		{"x.pem", good + "----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + good, "a PEM block is damaged or not complete"},
		{"x.pem", good + "-----BEGIN CERTIFICATE-----\nAAAA\n" + good, "a PEM block is damaged or not complete"},
		{"x.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n" + good + good, "a PEM block is damaged or not complete"},
		{"x.pem", good + strings.ReplaceAll("\n"+good, "\n", "\n  ") + good, "a PEM block is damaged or not complete"},
		{"x.pem", good + strings.Replace(good, "M", "", 1) + good, "a PEM block is damaged or not complete"},
		{"x.json", `{"a":"` + strings.ReplaceAll(good+"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"+good, "\n", `\n`) + `"}`, "a PEM block is damaged or not complete"},
		{"x.pem", "", "neither a JWK Set, nor a JWK, nor PEM"},
		{"x.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "a PEM block of type PUBLIC KEY cannot be parsed"},
		{"x.pem", "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n", "neither a public key nor a certificate"},
		{"x.json", `{"a":1}`, "a value is not a string"},
		{"x.json", `{"a":"no key"}`, "no PEM block"},
		{"x.json", `[]`, "neither a JWK Set, nor a JWK, nor PEM"},
		{"x.json", `null`, "not a JSON object"},
		{"x.json", `{"keys":`, "JSON ends too early"},
		{"x.json", strings.Repeat(" ", 1<<20+1), "more than 1048576 bytes"},
	}
	for n, row := range rows {
		t.Run(fmt.Sprint(n, " ", row.problem), func(t *testing.T) {
			folder := t.TempDir()
			writeFiles(t, folder, map[string]string{"good.pem": good})
			c := newFileCache(t, folder)
			writeFiles(t, folder, map[string]string{row.name: row.content})
			err := c.Refresh(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.problem) {
				t.Errorf("got the error %v, want %q", err, row.problem)
			}
			if err != nil && (!strings.Contains(err.Error(), row.name) || strings.Contains(err.Error(), "MHcC") || strings.Contains(err.Error(), "MIGH")) {
				t.Errorf("got the error %v, want the name of the file and no content", err)
			}
			want(t, "keys", found(c), "good EC P-256")
		})
	}
	t.Run("name is not UTF-8", func(t *testing.T) {
		folder := t.TempDir()
		writeFiles(t, folder, map[string]string{"good.pem": good})
		c := newFileCache(t, folder)
		if err := os.WriteFile(filepath.Join(folder, "a\xff.pem"), []byte(good), 0o600); err != nil {
			t.Skip("this file system has no such names:", err)
		}
		wantText(t, c.Refresh(t.Context()), `a\xff.pem`, "the name is not valid UTF-8", "rename the file")
		want(t, "keys", found(c), "good EC P-256")
	})
	t.Run("missing", func(t *testing.T) {
		folder := t.TempDir()
		writeFiles(t, folder, map[string]string{"good.pem": good})
		c := newFileCache(t, folder)
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := c.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), filepath.Base(folder)) {
			t.Errorf("got the error %v, want the path", err)
		}
		want(t, "keys", found(c), "good EC P-256")
	})
}

// The error for a folder without key files says which files are read.
func TestFolderWithoutKeyFiles(t *testing.T) {
	for name, text := range map[string]string{"issuer.txt": pemOf(t, newSigner(t, "P-256")), ".pem": "x", "": ""} {
		folder := t.TempDir()
		if name != "" {
			writeFiles(t, folder, map[string]string{name: text})
		}
		o := options(nil)
		o.Transport = nil
		c, err := jwks.New(fileURL(folder), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		wantText(t, c.Refresh(t.Context()), `"keys" is empty; in a folder, only the files *.json, *.jwk, *.jwks, *.pem, *.crt, *.cer, *.pub are read`)
	}
}

// A folder with too many entries is not read.
func TestFilesTooMany(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string]string{"a.json": string(document(ecKey("a")))})
	for n := range 999 {
		writeFiles(t, folder, map[string]string{fmt.Sprint(n): ""})
	}
	c := newFileCache(t, folder)
	want(t, "keys with 1,000 entries", found(c), "a EC P-256")
	writeFiles(t, folder, map[string]string{"one more": ""})
	if err := c.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 1000 entries") {
		t.Errorf("got the error %v, want that there are more than 1000 entries", err)
	}
}

// A change of a file arrives with the next refresh, and immediately if a token needs the key.
func TestFileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		write := func(name string) {
			writeFiles(t, folder, map[string]string{name: string(document(ecKey(strings.TrimSuffix(name, ".json"))))})
		}
		write("a.json")
		c := newFileCache(t, folder)
		time.Sleep(10 * time.Second)
		write("b.json")
		if _, err := c.Key(t.Context(), "b", "ES256"); err != nil {
			t.Errorf("the key of a new file: %v", err)
		}
		if err := os.Remove(filepath.Join(folder, "a.json")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want(t, "keys after MinInterval", found(c), "b EC P-256")
		before := c.Status()
		time.Sleep(10 * time.Minute)
		after := c.Status()
		if got := after.NotModified - before.NotModified; got < 9 || got > 14 {
			t.Errorf("got %d reads of unchanged files in 10 min, want about 11", got)
		}
		want(t, "failures", after.Failed, 0)
	})
}

// A volume of Kubernetes holds the files behind the symbolic link ..data, which an update replaces.
func TestFilesOfVolume(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string]string{"..2026_1/a.json": string(document(ecKey("a"))), "..2026_2/a.json": string(document(ecKey("b")))})
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Skip("symbolic links cannot be made:", err)
		}
	}
	link("..2026_1", "..data")
	link(filepath.Join("..data", "a.json"), "a.json")
	c := newFileCache(t, folder)
	want(t, "keys", found(c), "a EC P-256")
	link("..2026_2", "..tmp")
	if err := os.Rename(filepath.Join(folder, "..tmp"), filepath.Join(folder, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "keys after the update", found(c), "b EC P-256")
}

// New refuses file URLs that do not name an absolute path, and Discover refuses all of them. The
// metadata of an issuer never names a file.
func TestFileURLs(t *testing.T) {
	for raw, problem := range map[string]string{
		"file://host/keys":  "must not name a host",
		"file:keys":         "not absolute",
		"file:///keys?x=1":  "query or a fragment",
		"file:///keys#x":    "query or a fragment",
		"file:///keys%00":   "zero byte",
		"file://../../keys": "must not name a host",
	} {
		_, err := jwks.New(raw, &jwks.Options{})
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("New(%q): got the error %v, want %q", raw, err, problem)
		}
	}
	if _, err := jwks.New("file:///keys", &jwks.Options{Transport: newIssuer()}); err == nil || !strings.Contains(err.Error(), "Transport") {
		t.Errorf("got the error %v, want an error about Transport", err)
	}
	if _, err := jwks.Discover("file:///keys", &jwks.Options{}); err == nil {
		t.Error("Discover of a file URL: got no error, want one")
	}
}

// The metadata of an issuer must not make the cache read a file.
func TestMetadataNamesFile(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string]string{"keys.json": string(document(ecKey("a")))})
	synctest.Test(t, func(t *testing.T) {
		const issuer = "https://issuer.test"
		o := options(nil)
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			body := fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, fileURL(filepath.Join(folder, "keys.json")))
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
		c, err := jwks.Discover(issuer, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		time.Sleep(time.Minute)
		want(t, "number of keys", len(c.Status().Keys), 0)
		if err := c.Status().LastError; err == nil || !strings.Contains(err.Error(), "not an https URL") {
			t.Errorf("got the error %v, want that the URL is not an https URL", err)
		}
	})
}
