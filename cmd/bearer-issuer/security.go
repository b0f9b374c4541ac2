package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const certificateLifetime = 90 * 24 * time.Hour

// security is the TLS configuration of the server.
type security struct {
	config    *tls.Config // nil without TLS
	authority string      // file with the generated certificate; empty without -tls
	folder    string      // temporary folder, which the method close removes; empty if there is no such folder
}

// loadSecurity generates the server's certificate or loads it from the files that -tls-cert
// and -tls-key name.
func (o *options) loadSecurity(address net.Addr) (*security, error) {
	switch {
	case o.certificate != "":
		pair, err := tls.LoadX509KeyPair(o.certificate, o.key)
		if err != nil {
			return nil, fmt.Errorf("-tls-cert, -tls-key: %w", err)
		}
		return &security{config: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}, nil
	case !o.tls:
		return &security{}, nil
	}
	pair, err := selfSigned(serverNames(address, o.url))
	if err != nil {
		return nil, fmt.Errorf("-tls: %w", err)
	}
	s := &security{
		config:    &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		authority: o.authority,
	}
	if s.authority == "" {
		if s.folder, err = os.MkdirTemp("", "bearer-issuer-"); err != nil {
			return nil, fmt.Errorf("-tls: %w", err)
		}
		s.authority = filepath.Join(s.folder, "ca.pem")
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	if err := os.WriteFile(s.authority, encoded, 0o644); err != nil { //nolint:gosec // a certificate is public
		return nil, fmt.Errorf("-tls-ca: %w", err)
	}
	return s, nil
}

func (s *security) scheme() string {
	if s.config == nil {
		return "http"
	}
	return "https"
}

func (s *security) close() error {
	if s.folder == "" {
		return nil
	}
	return os.RemoveAll(s.folder)
}

// serverNames returns the host names and IP addresses that clients may use for the
// server.
func serverNames(address net.Addr, environmentURL string) []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(address.String()); err == nil && host != "" {
		out = append(out, host)
	}
	if u, err := url.Parse(environmentURL); err == nil && u.Hostname() != "" {
		out = append(out, u.Hostname())
	}
	return out
}

// selfSigned generates a self-signed certificate. The certificate is a CA certificate, so
// that clients can trust it. The private key is kept only in memory.
func selfSigned(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280, section 4.1.2.2
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "bearer development issuer"},
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(certificateLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // some clients trust only CA certificates
		MaxPathLenZero:        true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key}, nil
}
