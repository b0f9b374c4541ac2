// Package dotgithub tests the files in the folder .github: the forms for issues, the template for
// pull requests, the workflows and the configuration of Dependabot. GitHub reads these files only
// after a push, and ignores a form with a mistake.
package dotgithub
