// Command release makes a release of all modules of this repository. Run it with the script
// .ci/release. RELEASE.md describes how to make a release.
//
// The program works in a clone of the repository. Without the flag -write, it does not change
// the repository. With the flag, it adds the commits and the tags of the release to the
// repository. It never pushes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

const usage = `usage: .ci/release [flag]... VERSION

The script makes a release of all modules, for example .ci/release v0.1.0. Without the flag
-write, it does not change the repository. RELEASE.md describes how to make a release. The paths
of folders are relative to the root folder of the repository.

`

func main() {
	var o options
	flag.StringVar(&o.tree, "tree", "../..", "the root folder of the repository")
	flag.StringVar(&o.out, "out", "", "the folder for the programs and the notes (default: a new temporary folder)")
	flag.BoolVar(&o.write, "write", false, "add the commits and tags of the release to the repository")
	flag.BoolVar(&o.security, "security", false, "accept a version that is too small for a change of a name; only if a security fix needs this change")
	flag.StringVar(&o.sbom, "sbom", "", "the program cyclonedx-gomod, which writes the lists of dependencies")
	flag.StringVar(&o.platforms, "platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "build the programs for these platforms")
	flag.StringVar(&o.rebuild, "rebuild", "all", "build this program again with an empty cache, and compare the bytes; all programs, or none")
	flag.StringVar(&o.modCache, "modcache", "", "a folder that keeps downloaded modules for the next run (default: no folder)")
	flag.Usage = func() {
		_, _ = fmt.Fprint(flag.CommandLine.Output(), usage) // there is no other place for an error
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	o.version = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}
