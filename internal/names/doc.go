// Package names tests the names that other systems depend on and that are not part of the exported
// API of Go. Examples are metrics, labels, alerts, log messages, log attributes, reasons, members of
// JSON bodies and flags of programs. docs/compatibility.md says which changes of these names a
// release may have. The test collects the names from the code and compares them with
// testdata/api/names.txt.
package names
