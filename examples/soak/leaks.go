package main

import (
	"strings"
	"sync"
)

// leaks searches logs, responses and metrics for parts of the tokens that were sent. It does
// not store the texts that it searches.
type leaks struct {
	mu       sync.Mutex
	parts    map[string]struct{} // the first prefixLength characters of each part of a token
	found    map[string]int      // number of matches by kind of text
	searched int                 // bytes
}

// prefixLength is the length of the prefixes that leaks searches for. It is so large that
// other text does not match by chance, and so small that truncated parts of tokens also match.
const prefixLength = 24

func newLeaks() *leaks { return &leaks{parts: map[string]struct{}{}, found: map[string]int{}} }

// learn adds the parts of a token to the search.
func (l *leaks) learn(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= prefixLength {
			l.parts[strings.Clone(part[:prefixLength])] = struct{}{}
		}
	}
}

// Write searches log records.
func (l *leaks) Write(p []byte) (int, error) {
	l.search("a log record", p)
	return len(p), nil
}

// search searches text for parts of tokens.
func (l *leaks) search(where string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.searched += len(text)
	for i := 0; i+prefixLength <= len(text); i++ {
		if _, ok := l.parts[string(text[i:i+prefixLength])]; ok {
			l.found[where]++
			return
		}
	}
}

// report returns the number of matches by kind of text, the number of bytes that were
// searched, and the number of different prefixes.
func (l *leaks) report() (found map[string]int, searched, parts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, l.searched, len(l.parts)
}
