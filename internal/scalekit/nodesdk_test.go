package scalekit_test

import (
	"context"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNodeSDK runs the lifecycle of a client with the vendor's published Node SDK. The test
// runs the lifecycle over h2c and over TLS.
func TestNodeSDK(t *testing.T) {
	folder := installPackages(t, "nodesdk", "lifecycle.js")
	for _, encrypted := range []bool{false, true} {
		t.Run(map[bool]string{false: "h2c", true: "TLS"}[encrypted], func(t *testing.T) {
			env, _ := startServing(t, encrypted)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, "node", "lifecycle.js")
			command.Dir = folder
			command.Env = append(os.Environ(),
				"SCALEKIT_ENVIRONMENT_URL="+env.url,
				"SCALEKIT_CLIENT_ID="+env.ClientID,
				"SCALEKIT_CLIENT_SECRET="+env.ClientSecret,
				"NODE_EXTRA_CA_CERTS="+certificateFile(t, env),
			)
			out, err := command.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ok - delete") {
				t.Errorf("got error %v, want no error and the output \"ok - delete\"; output:\n%s", err, out)
			}
		})
	}
}

// installPackages copies the script and the package files of a folder to a new folder, and
// installs the packages there. It returns the new folder. If Node.js is missing or npm cannot
// install the packages, installPackages skips the test.
func installPackages(t *testing.T, from, script string) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("this test needs Node.js: ", err)
		}
	}
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", script} {
		content, err := os.ReadFile(filepath.Join(from, name)) //nolint:gosec // the names are constants
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil { //nolint:gosec // the names are constants
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the packages of %s on this machine: %v\n%s", from, err, out)
	}
	return folder
}

// certificateFile writes the server's certificate to a file and returns the name of the
// file. Without TLS, certificateFile returns an empty name.
func certificateFile(t *testing.T, env environment) string {
	t.Helper()
	if env.certificate == nil {
		return ""
	}
	name := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: env.certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
