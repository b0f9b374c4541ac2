package main

import (
	"strings"
	"sync"
)

// leaks searches logs, responses and metrics for parts of the tokens that were sent. It does
// not store the texts that it searches.
type leaks struct {
	mu       sync.Mutex
	parts    map[string]struct{} // the beginnings of the parts of tokens
	found    map[string]int      // number of finds, by place
	searched int                 // bytes
}

// beginning is how many characters of a part are searched for. It is too long to match other
// text by chance, and shorter than a value that a log has cut.
const beginning = 24

func newLeaks() *leaks { return &leaks{parts: map[string]struct{}{}, found: map[string]int{}} }

// learn adds the parts of a token to the search.
func (l *leaks) learn(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= beginning {
			l.parts[strings.Clone(part[:beginning])] = struct{}{}
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
	for i := 0; i+beginning <= len(text); i++ {
		if _, ok := l.parts[string(text[i:i+beginning])]; ok {
			l.found[where]++
			return
		}
	}
}

// report returns the number of finds by place, the bytes searched and the number of parts.
func (l *leaks) report() (found map[string]int, searched, parts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, l.searched, len(l.parts)
}
