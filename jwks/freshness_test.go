package jwks_test

import (
	"math/big"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

var received = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(d time.Duration) string { return received.Add(d).Format(http.TimeFormat) }

// header returns a header. Each argument has the form "Name: value".
func header(fields ...string) http.Header {
	h := http.Header{}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		h.Add(name, value)
	}
	return h
}

const (
	s      = time.Second
	longer = 1 << 31 * s // RFC 9111, section 1.2.2
)

// The rows are examples of RFC 9111, sections 1.2.2, 4.2, 4.3.4 and 5.1.
func TestFreshness(t *testing.T) {
	for name, row := range map[string]struct {
		stored, header http.Header
		delay          time.Duration // the time between the request and the response
		age, fresh     time.Duration
		since          time.Duration // the time from which MaxStale counts, relative to the response
	}{
		"nothing":                        {header: header(), fresh: 300 * s},
		"delay":                          {header: header(), delay: 3 * s, age: 3 * s, fresh: 297 * s, since: -3 * s},
		"delay and no-cache":             {header: header("Cache-Control: no-cache"), delay: 3 * s, age: 3 * s, fresh: -3 * s, since: -3 * s},
		"fresh":                          {header: header("Cache-Control: max-age=60", "Age: 59"), age: 59 * s, fresh: 1 * s},
		"just fresh no more":             {header: header("Cache-Control: max-age=60", "Age: 60"), age: 60 * s},
		"old":                            {header: header("Cache-Control: max-age=60", "Age: 100"), age: 100 * s, fresh: -40 * s, since: -40 * s},
		"old without max-age":            {header: header("Age: 1000"), age: 1000 * s, fresh: -700 * s, since: -700 * s},
		"max-age 2^31-1":                 {header: header("Cache-Control: max-age=2147483647"), fresh: longer - s},
		"max-age 2^31":                   {header: header("Cache-Control: max-age=2147483648"), fresh: longer},
		"max-age 2^63":                   {header: header("Cache-Control: max-age=9223372036854775808"), fresh: longer},
		"max-age 2^64":                   {header: header("Cache-Control: max-age=18446744073709551616"), fresh: longer},
		"max-age of 1,000 digits":        {header: header("Cache-Control: max-age=" + strings.Repeat("9", 1000)), fresh: longer},
		"digits and a letter":            {header: header("Cache-Control: max-age=" + strings.Repeat("9", 30) + "x")},
		"Age 2^31":                       {header: header("Age: 2147483648"), age: longer, fresh: 300*s - longer, since: 300*s - longer},
		"Age 2^64":                       {header: header("Age: 18446744073709551616"), age: longer, fresh: 300*s - longer, since: 300*s - longer},
		"Age of 30 digits and max-age":   {header: header("Age: "+strings.Repeat("7", 30), "Cache-Control: max-age="+strings.Repeat("8", 40)), age: longer},
		"Age with a letter":              {header: header("Age: 1" + strings.Repeat("0", 30) + "x"), fresh: 300 * s},
		"Age with a sign":                {header: header("Age: +100"), fresh: 300 * s},
		"Age is negative":                {header: header("Age: -100"), fresh: 300 * s},
		"Age with a fraction":            {header: header("Age: 1.5"), fresh: 300 * s},
		"Age in quotation marks":         {header: header(`Age: "100"`), fresh: 300 * s},
		"Age is a list":                  {header: header("Age: 100, 2000"), age: 100 * s, fresh: 200 * s},
		"two fields Age":                 {header: header("Age: 100", "Age: 2000"), age: 100 * s, fresh: 200 * s},
		"leading zeros":                  {header: header("Age: 000000000000000000000100"), age: 100 * s, fresh: 200 * s},
		"max-age twice":                  {header: header("Cache-Control: max-age=60, max-age=10"), fresh: 60 * s},
		"max-age twice, invalid first":   {header: header("Cache-Control: max-age=x, max-age=10")},
		"max-age empty":                  {header: header("Cache-Control: max-age=")},
		"max-age without a value":        {header: header("Cache-Control: max-age")},
		"max-age negative":               {header: header("Cache-Control: max-age=-1")},
		"max-age in quotation marks":     {header: header(`Cache-Control: max-age="60"`), fresh: 60 * s},
		"one quotation mark":             {header: header(`Cache-Control: max-age="60`)},
		"max-age in a text":              {header: header(`Cache-Control: private="a, max-age=5, b", max-age=60`), fresh: 60 * s},
		"an escape in a text":            {header: header(`Cache-Control: x="a\", max-age=5", max-age=60`), fresh: 60 * s},
		"no-cache with fields":           {header: header(`Cache-Control: max-age=60, no-cache="Set-Cookie"`)},
		"no-store later":                 {header: header("Cache-Control: max-age=60", "Cache-Control: No-Store")},
		"names with other letters":       {header: header("Cache-Control: xmax-age=60, max-agex=60, no-cachex"), fresh: 300 * s},
		"spaces and empty members":       {header: header("Cache-Control: , ,\tmax-age = 60 ,"), fresh: 60 * s},
		"shared caches":                  {header: header("Cache-Control: max-age=60, s-maxage=3600", "Age: 1000"), age: 1000 * s, fresh: -940 * s},
		"shared caches, old":             {header: header("Cache-Control: max-age=60, s-maxage=600", "Age: 1000"), age: 1000 * s, fresh: -940 * s, since: -400 * s},
		"no-cache and shared caches":     {header: header("Cache-Control: no-cache, s-maxage=600", "Age: 500"), age: 500 * s, fresh: -500 * s, since: -500 * s},
		"Expires":                        {header: header("Expires: " + at(60*s)), fresh: 60 * s},
		"Expires and Date":               {header: header("Expires: "+at(60*s), "Date: "+at(-30*s)), fresh: 90 * s},
		"Expires in the past":            {header: header("Expires: Thu, 01 Jan 1970 00:00:00 GMT")},
		"Expires in the far future":      {header: header("Expires: Fri, 31 Dec 9999 23:59:59 GMT"), fresh: longer},
		"Expires is 0":                   {header: header("Expires: 0")},
		"Expires is empty":               {header: header("Expires: ")},
		"two fields Expires":             {header: header("Expires: "+at(60*s), "Expires: "+at(90*s)), fresh: 60 * s},
		"max-age before Expires":         {header: header("Expires: "+at(60*s), "Cache-Control: max-age=10"), fresh: 10 * s},
		"max-age invalid, and Expires":   {header: header("Expires: "+at(60*s), "Cache-Control: max-age=x")},
		"Date is old":                    {header: header("Date: " + at(-1000*s)), age: 1000 * s, fresh: -700 * s, since: -700 * s},
		"Date within the skew":           {header: header("Date: " + at(-60*s)), fresh: 300 * s},
		"Date beyond the skew":           {header: header("Date: " + at(-61*s)), age: 61 * s, fresh: 239 * s},
		"Date in the future":             {header: header("Date: " + at(1000*s)), fresh: 300 * s},
		"Date older than Age":            {header: header("Age: 100", "Date: "+at(-1000*s)), age: 1000 * s, fresh: -700 * s, since: -700 * s},
		"Age older than Date":            {header: header("Age: 1000", "Date: "+at(-100*s)), age: 1000 * s, fresh: -700 * s, since: -700 * s},
		"Date of the year 1":             {header: header("Date: Mon, 01 Jan 0001 00:00:00 GMT"), age: longer, fresh: 300*s - longer, since: 300*s - longer},
		"Date is not a date":             {header: header("Date: now"), fresh: 300 * s},
		"304 without fields":             {stored: header("Cache-Control: max-age=60"), header: header(), fresh: 60 * s},
		"304 with Cache-Control":         {stored: header("Cache-Control: max-age=60"), header: header("Cache-Control: max-age=90"), fresh: 90 * s},
		"304 with another directive":     {stored: header("Cache-Control: max-age=60"), header: header("Cache-Control: public"), fresh: 300 * s},
		"304, Expires stays":             {stored: header("Expires: " + at(60*s)), header: header("Cache-Control: public"), fresh: 60 * s},
		"304 with Expires":               {stored: header("Cache-Control: max-age=60"), header: header("Expires: " + at(90*s)), fresh: 60 * s},
		"304, stored Expires, new Date":  {stored: header("Expires: "+at(60*s), "Date: "+at(-300*s)), header: header("Date: " + at(-10*s)), fresh: 70 * s},
		"304, the stored Age is gone":    {stored: header("Cache-Control: max-age=60", "Age: 50"), header: header(), fresh: 60 * s},
		"304 with Age":                   {stored: header("Cache-Control: max-age=60"), header: header("Age: 100"), age: 100 * s, fresh: -40 * s, since: -40 * s},
		"304, no-store is stored":        {stored: header("Cache-Control: no-store"), header: header()},
		"304, the stored value is wrong": {stored: header("Cache-Control: max-age=x"), header: header()},
	} {
		t.Run(name, func(t *testing.T) {
			age, fresh, confirmed := jwks.AgeOf(row.header, row.stored, received.Add(-row.delay), received)
			want(t, "age", age, row.age)
			want(t, "time for which the response stays fresh", fresh, row.fresh)
			want(t, "start of MaxStale", confirmed.Sub(received), row.since)
		})
	}
}

// reference determines the same values from the text of RFC 9111, section 4.2, without any limit
// of the size of a number.
func reference(h, stored http.Header, sent, received time.Time) (age, fresh, since *big.Int) {
	largest := big.NewInt(1 << 31)
	number := func(text string) *big.Int {
		if !regexp.MustCompile(`^[0-9]+$`).MatchString(text) {
			return new(big.Int)
		}
		n, _ := new(big.Int).SetString(text, 10)
		if n.Cmp(largest) > 0 {
			n = largest
		}
		return n
	}
	get := func(name string) []string {
		if values := h.Values(name); len(values) > 0 || stored == nil || name == "Age" || name == "Date" {
			return values
		}
		return stored.Values(name)
	}
	seconds := func(d time.Duration) *big.Int { return big.NewInt(int64(d / time.Second)) }
	control := regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(strings.Join(get("Cache-Control"), ","), func(quoted string) string {
		return strings.ReplaceAll(quoted, ",", "")
	})
	directive := func(name string) (value string, found bool) {
		m := regexp.MustCompile(`(?i)(?:^|,)[ \t]*` + name + `[ \t]*(?:=[ \t]*("[^"]*"|[^,"]*))?[ \t]*(?:,|$)`).FindStringSubmatch(control)
		if m == nil {
			return "", false
		}
		return strings.Trim(strings.Trim(m[1], " \t"), `"`), true
	}
	// Section 4.2.3.
	ageValue := new(big.Int)
	if values := get("Age"); len(values) > 0 {
		ageValue = number(strings.TrimSpace(strings.SplitN(values[0], ",", 2)[0]))
	}
	corrected := new(big.Int).Add(ageValue, seconds(received.Sub(sent)))
	date := received
	if values := get("Date"); len(values) > 0 {
		if d, err := http.ParseTime(values[0]); err == nil {
			date = d
		}
	}
	apparent := new(big.Int).Sub(big.NewInt(received.Unix()), big.NewInt(date.Unix()))
	if apparent.Cmp(big.NewInt(60)) <= 0 { // own: the clocks may differ by a minute
		apparent = new(big.Int)
	}
	if apparent.Cmp(largest) > 0 {
		apparent = largest
	}
	age = corrected
	if apparent.Cmp(age) > 0 {
		age = apparent
	}
	// Section 4.2.1.
	_, noCache := directive("no-cache")
	_, noStore := directive("no-store")
	maxAge, hasMaxAge := directive("max-age")
	private, shared := new(big.Int), new(big.Int)
	switch expires := get("Expires"); {
	case noCache, noStore:
	case hasMaxAge:
		private = number(maxAge)
	case len(expires) > 0:
		if e, err := http.ParseTime(expires[0]); err == nil && e.After(date) {
			private = new(big.Int).Sub(big.NewInt(e.Unix()), big.NewInt(date.Unix()))
			if private.Cmp(largest) > 0 {
				private = largest
			}
		}
	default:
		private = big.NewInt(300) // own: the heuristic freshness of section 4.2.2
	}
	if value, _ := directive("s-maxage"); !noCache && !noStore {
		shared = number(value)
	}
	if shared.Cmp(private) < 0 {
		shared = private
	}
	since = new(big.Int).Sub(shared, age)
	if delay := new(big.Int).Neg(seconds(received.Sub(sent))); since.Cmp(delay) > 0 {
		since = delay
	}
	return age, new(big.Int).Sub(private, age), since
}

// randomHeader returns a header with fields that matter for freshness.
func randomHeader(r *rand.Rand) http.Header {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	number := func() string {
		return pick("0", "1", "59", "60", "61", "299", "300", "301", "43200", "86400", "2147483647", "2147483648", "2147483649",
			"4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 1+r.IntN(60)),
			"00000000000000000000000060", "", "x", "-1", "+1", "1.5", "1e3", "60x", "0x10", " 60", "6 0", "٣")
	}
	date := func() string {
		d := []time.Duration{0, 1, -1, 59, -59, 60, -60, 61, -61, 300, -300, 3600, -3600, 86400, -86400, 1e9, -1e9, 1e9 * 9}[r.IntN(18)]
		return pick(at(d*time.Second), at(d*time.Second), at(d*time.Second), "0", "-1", "", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
	}
	h := http.Header{}
	for range r.IntN(3) {
		var members []string
		for range r.IntN(4) {
			name := pick("max-age", "max-age", "Max-Age", "s-maxage", "no-cache", "no-store", "public", "private", "xmax-age", "max-agex")
			switch r.IntN(5) {
			case 0:
				members = append(members, name)
			case 1:
				members = append(members, name+`="`+number()+`"`)
			case 2:
				members = append(members, `private="a, `+name+"="+number()+`, b"`)
			default:
				members = append(members, name+pick("=", "=", " = ")+number())
			}
		}
		h.Add("Cache-Control", strings.Join(members, pick(",", ", ", " ,\t", ",,")))
	}
	for range r.IntN(3) {
		h.Add("Age", pick(number(), number(), number()+", "+number()))
	}
	for range r.IntN(3) {
		h.Add("Expires", date())
	}
	if r.IntN(2) == 0 {
		h.Add("Date", date())
	}
	return h
}

// readTimes and readDirectives give the same results as the reference.
func TestFreshnessDifferential(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) //nolint:gosec // test data
	for range repeats(30_000) {
		h, stored := randomHeader(r), http.Header(nil)
		if r.IntN(3) == 0 {
			stored = randomHeader(r)
		}
		sent := received.Add(-time.Duration(r.IntN(6)) * time.Second)
		age, fresh, confirmed := jwks.AgeOf(h, stored, sent, received)
		wantAge, wantFresh, wantSince := reference(h, stored, sent, received)
		for _, value := range []struct {
			name string
			got  time.Duration
			want *big.Int
		}{{"age", age, wantAge}, {"fresh", fresh, wantFresh}, {"start of MaxStale", confirmed.Sub(received), wantSince}} {
			if value.want.Cmp(big.NewInt(int64(value.got/time.Second))) != 0 || value.got%time.Second != 0 {
				t.Fatalf("%s of %v, stored %v, delay %v: got %v, want %v s", value.name, h, stored, received.Sub(sent), value.got, value.want)
			}
		}
	}
}

func FuzzFreshness(f *testing.F) {
	f.Add("max-age=60", "5", "0", "")
	f.Add(`no-cache="x\", max-age=2147483648`, "99999999999999999999", at(time.Hour), at(-time.Hour))
	f.Fuzz(func(t *testing.T, control, age, expires, date string) {
		h := http.Header{"Cache-Control": {control}, "Age": {age}, "Expires": {expires}, "Date": {date}}
		got, fresh, confirmed := jwks.AgeOf(h, nil, received.Add(-s), received)
		if got < s || got > longer+s || fresh < -longer-s || fresh > longer {
			t.Errorf("%v: got age %v and freshness %v, want values within 2^31 s", h, got, fresh)
		}
		if since := received.Sub(confirmed); since < s || since > longer+s {
			t.Errorf("%v: MaxStale counts from %v, want a time before the request", h, confirmed)
		}
		again, freshAgain, _ := jwks.AgeOf(http.Header{}, h, received.Add(-s), received)
		if again != s || freshAgain > longer {
			t.Errorf("%v: got age %v and freshness %v after a 304, want 1 s and at most 2^31 s", h, again, freshAgain)
		}
	})
}
