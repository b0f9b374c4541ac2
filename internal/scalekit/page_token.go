package scalekit

import (
	"encoding/base64"
	"slices"
	"strconv"
)

const (
	defaultPageSize = 30
	maxPageSize     = 100
)

// pageRequest selects a page of a list. The zero value selects the first page and the
// default size.
type pageRequest struct {
	size  uint32
	token string
}

// listPage is one page of a list. The newest item is first.
type listPage[T any] struct {
	items      []T
	total      int    // number of items in the whole list
	next, prev string // page tokens of the next page and of the previous page; empty if there is no such page
}

// paginate returns one page of a list. The parameter all is the whole list, and its first
// item must be the newest item. A page token contains the position of an item in the order
// of creation. Therefore, a client that follows page tokens gets every item once, even if
// other items are created or deleted at the same time.
func paginate[T any](all []T, sequence func(T) uint64, request pageRequest) (listPage[T], error) {
	size := int(request.size)
	if size == 0 {
		size = defaultPageSize
	}
	size = min(size, maxPageSize)
	begin, end := 0, min(size, len(all))
	if request.token != "" {
		forward, place, ok := parsePageToken(request.token)
		if !ok {
			var v violations
			v.addViolation("page_token", "must be a page token from an earlier response", "page_token")
			return listPage[T]{}, v.err()
		}
		begin = slices.IndexFunc(all, func(item T) bool { return sequence(item) <= place })
		if begin < 0 {
			begin = len(all)
		}
		if forward && begin < len(all) && sequence(all[begin]) == place {
			begin++
		}
		if !forward {
			end = begin
			begin = max(0, end-size)
		} else {
			end = min(begin+size, len(all))
		}
	}
	p := listPage[T]{items: all[begin:end], total: len(all)}
	if end < len(all) && end > begin {
		p.next = pageToken(true, sequence(all[end-1]))
	}
	if begin > 0 && end > begin {
		p.prev = pageToken(false, sequence(all[begin]))
	}
	return p, nil
}

// pageToken returns a page token. If forward is true, the page begins after the item at
// position. Otherwise the page ends before the item at position.
func pageToken(forward bool, position uint64) string {
	direction := "p"
	if forward {
		direction = "n"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(direction + strconv.FormatUint(position, 10)))
}

func parsePageToken(token string) (forward bool, place uint64, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(text) < 2 || text[0] != 'n' && text[0] != 'p' {
		return false, 0, false
	}
	place, err = strconv.ParseUint(string(text[1:]), 10, 64)
	return text[0] == 'n', place, err == nil
}
