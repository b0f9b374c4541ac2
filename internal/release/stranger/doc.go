// Package stranger contains tests that take a release as a stranger takes it. They write a
// release of this tree into a module proxy, and use only this proxy, an empty folder, and the
// words of README.md, docs/install.md and examples/README.md. The commands and programs come
// from these pages.
//
// The tests need a minute or more, so go test skips them. The step stranger of .ci/run runs them
// with the flag -stranger, and the step gosum runs [TestGoSum].
package stranger
