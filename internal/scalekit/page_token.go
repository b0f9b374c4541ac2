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

// pageRequest asks for a part of a list. The zero value asks for the first one,
// of the default size.
type pageRequest struct {
	size  uint32
	token string
}

// listPage is a part of a list, newest first.
type listPage[T any] struct {
	items      []T
	total      int    // of the whole list
	next, prev string // tokens of the parts behind and before it; empty: there is none
}

// paginate returns the part of a list, given newest first, that is asked for.
// Page tokens stand for an item's place in the order of creation, so neither
// what is created nor what is deleted meanwhile makes a reader see an item twice
// or miss one.
func paginate[T any](all []T, sequence func(T) uint64, asked pageRequest) (listPage[T], error) {
	size := int(asked.size)
	if size == 0 {
		size = defaultPageSize
	}
	size = min(size, maxPageSize)
	begin, end := 0, min(size, len(all))
	if asked.token != "" {
		forward, place, ok := parsePageToken(asked.token)
		if !ok {
			var v violations
			v.refuse("page_token", "must be a token of an answer before", "page_token")
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

// pageToken names what is behind, or before, the item of that place.
func pageToken(forward bool, place uint64) string {
	direction := "p"
	if forward {
		direction = "n"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(direction + strconv.FormatUint(place, 10)))
}

func parsePageToken(token string) (forward bool, place uint64, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(text) < 2 || text[0] != 'n' && text[0] != 'p' {
		return false, 0, false
	}
	place, err = strconv.ParseUint(string(text[1:]), 10, 64)
	return text[0] == 'n', place, err == nil
}
