package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// buildPrograms builds all programs of the root module for each platform, as any user can build
// them: from the module at its version, without paths of this machine. It writes a list of
// dependencies (SBOM) for each program, and the checksums of all files.
func (r *release) buildPrograms(ctx context.Context) error {
	out, err := r.goTool(ctx, r.clone, "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./cmd/...")
	if err != nil {
		return err
	}
	programs := strings.Fields(out)
	if len(programs) == 0 {
		return fmt.Errorf("the folder cmd has no programs")
	}
	if r.sbom == "" {
		return fmt.Errorf("the flag -sbom is missing")
	}
	if err := r.makeOut(); err != nil {
		return err
	}
	var sums []string
	for platform := range strings.SplitSeq(r.platforms, ",") {
		for _, program := range programs {
			lines, err := r.buildProgram(ctx, program, platform)
			if err != nil {
				return fmt.Errorf("%s for %s: %w", program, platform, err)
			}
			sums = append(sums, lines...)
		}
	}
	return writeFile(filepath.Join(r.out, "SHA256SUMS"), strings.Join(sums, ""))
}

// makeOut creates the folder for the programs and the notes. A release that is refused
// leaves no folder.
func (r *release) makeOut() (err error) {
	if r.out != "" {
		return os.MkdirAll(r.out, 0o755) //nolint:gosec // the files of a release are public
	}
	r.out, err = os.MkdirTemp("", "bearer-"+r.version+"-")
	return err
}

// buildProgram builds a program for a platform. It returns the lines of the file SHA256SUMS.
func (r *release) buildProgram(ctx context.Context, program, platform string) ([]string, error) {
	system, arch, found := strings.Cut(platform, "/")
	if !found {
		return nil, fmt.Errorf("platform %q: want a platform such as linux/amd64", platform)
	}
	binary, err := r.install(ctx, program, system, arch)
	if err != nil {
		return nil, err
	}
	if r.rebuild == "all" || r.rebuild == path.Base(program) {
		again, err := r.install(ctx, program, system, arch, "GOCACHE="+filepath.Join(r.work, "gocache"))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(binary, again) {
			return nil, fmt.Errorf("a second build has different bytes")
		}
		r.printf("%s for %s: a second build with an empty cache has the same bytes", path.Base(program), platform)
	}
	name := fmt.Sprintf("%s_%s_%s_%s", path.Base(program), r.version, system, arch)
	suffix := ""
	if system == "windows" {
		suffix = ".exe"
	}
	file := filepath.Join(r.out, name+suffix)
	if err := os.WriteFile(file, binary, 0o755); err != nil { //nolint:gosec // a public program
		return nil, err
	}
	if err := r.checkVersion(ctx, file, platform); err != nil {
		return nil, err
	}
	sbom := filepath.Join(r.out, name+".cdx.json")
	if _, err := command(ctx, r.out, r.env, r.sbom, "bin", "-json", "-std", "-noserial", "-notimestamp", "-output", sbom, file); err != nil {
		return nil, err
	}
	list, err := os.ReadFile(sbom) //nolint:gosec // the program above has written this file
	if err != nil {
		return nil, err
	}
	if want := "pkg:golang/" + modulePath + "@" + r.version; !bytes.Contains(list, []byte(want)) {
		return nil, fmt.Errorf("%s does not contain %s", sbom, want)
	}
	return []string{
		fmt.Sprintf("%x  %s\n", sha256.Sum256(binary), name+suffix),
		fmt.Sprintf("%x  %s\n", sha256.Sum256(list), name+".cdx.json"),
	}, nil
}

// install runs go install, and returns the bytes of the program. Settings of this machine do not
// apply, because a user must get the same bytes.
func (r *release) install(ctx context.Context, program, system, arch string, more ...string) ([]byte, error) {
	folder, err := os.MkdirTemp(r.work, "install")
	if err != nil {
		return nil, err
	}
	env := append(slices.Clone(r.env),
		"GOPATH="+folder, "GOBIN=", "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0",
		"GOAMD64=", "GOARM64=", "GOEXPERIMENT=", "GOFIPS140=")
	if _, err := command(ctx, folder, append(env, more...), "go", "install", program+"@"+r.version); err != nil {
		return nil, err
	}
	// For a different platform, go install writes to a folder with the name of the platform.
	for _, dir := range []string{"bin", filepath.Join("bin", system+"_"+arch)} {
		for _, suffix := range []string{"", ".exe"} {
			data, err := os.ReadFile(filepath.Join(folder, dir, path.Base(program)+suffix)) //nolint:gosec // go install has written this file
			if err == nil {
				return data, nil
			}
		}
	}
	return nil, fmt.Errorf("go install wrote no program")
}

// checkVersion checks the version and the hashes of the dependencies that are stored in a program. A
// program for this machine must also print this version.
func (r *release) checkVersion(ctx context.Context, file, platform string) error {
	info, err := command(ctx, r.work, r.env, "go", "version", "-m", file)
	if err != nil {
		return err
	}
	if want := "\tmod\t" + modulePath + "\t" + r.version + "\t"; !strings.Contains(info, want) {
		return fmt.Errorf("go version -m does not print the version %s:\n%s", r.version, info)
	}
	sums, err := os.ReadFile(filepath.Join(r.clone, "go.sum"))
	if err != nil {
		return err
	}
	if err := checkSums(info, string(sums)); err != nil {
		return err
	}
	if platform != runtime.GOOS+"/"+runtime.GOARCH {
		return nil
	}
	text, err := command(ctx, r.work, nil, file, "-version")
	if err != nil {
		return err
	}
	if !strings.Contains(text, r.version) {
		return fmt.Errorf("the program prints the version %q, want %s", text, r.version)
	}
	r.printf("%s -version prints %q", filepath.Base(file), text)
	return nil
}

// checkSums returns an error if a program contains a dependency whose hash is not in go.sum. The
// argument info is the output of go version -m. For a module at a version, go install does not read
// the go.sum of the module. It asks the checksum database, which GOSUMDB=off switches off.
func checkSums(info, goSum string) error {
	known := strings.Split(goSum, "\n")
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "dep" && fields[0] != "=>" {
			continue
		}
		if !slices.Contains(known, strings.Join(fields[1:], " ")) {
			return fmt.Errorf("the program contains the dependency %s, which is not in go.sum; is GOSUMDB off?", strings.Join(fields[1:], " "))
		}
	}
	return nil
}

// writeNotes writes the text of the release.
func (r *release) writeNotes(ctx context.Context) error {
	goVersion, err := command(ctx, r.work, r.env, "go", "env", "GOVERSION")
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n### Modules\n\n", absoluteLinks(r.notes, r.version))
	for _, m := range r.modules {
		if m.Published {
			fmt.Fprintf(&b, "    go get %s@%s\n", m.Path, r.version)
		}
	}
	fmt.Fprintf(&b, "\n[UPGRADING.md](https://%s/blob/%s/UPGRADING.md) lists the changes of behaviour.\n", modulePath, r.version)
	fmt.Fprintf(&b, "\n### Programs\n\nThe file SHA256SUMS has the checksums of the programs and of their lists of dependencies (CycloneDX).\n"+
		"The programs were built with %s. This command builds the same bytes with the same version of Go:\n\n"+
		"    CGO_ENABLED=0 go install -trimpath %s/cmd/...@%s\n", goVersion, modulePath, r.version)
	return writeFile(filepath.Join(r.out, "notes.md"), b.String())
}
