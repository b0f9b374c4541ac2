// Package pty opens terminals for tests of programs.
package pty
