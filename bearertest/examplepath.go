package bearertest

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// example replaces a wildcard without a regular expression.
const example = "x7q"

// examplePaths returns paths that can match the pattern. The patterns of different routers
// give different meanings to a colon and to an asterisk, so there can be several paths.
func examplePaths(pattern string) []string {
	var paths []string
	for _, read := range []func(string) (string, bool){wildcards, literal} {
		if path, ok := read(pattern); ok && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// literal replaces only the wildcards in braces, as in the patterns of http.ServeMux.
func literal(pattern string) (string, bool) {
	return braces(pattern, func(s string) string { return s })
}

// wildcards replaces wildcards in braces, and also ":name", "*" and "*name".
func wildcards(pattern string) (string, bool) { return braces(pattern, colons) }

// braces replaces each wildcard in braces. It passes the text between wildcards to the
// function other. The result ok is false if no text is known that matches a wildcard.
func braces(pattern string, other func(string) string) (path string, ok bool) {
	for {
		start := strings.IndexByte(pattern, '{')
		if start < 0 {
			return path + other(pattern), true
		}
		path += other(pattern[:start])
		end, depth := -1, 0
		for i := start; i < len(pattern) && end < 0; i++ {
			switch pattern[i] {
			case '{':
				depth++
			case '}':
				if depth--; depth == 0 {
					end = i
				}
			}
		}
		if end < 0 {
			return "", false
		}
		name, expression, found := strings.Cut(pattern[start+1:end], ":")
		value := example
		switch {
		case name == "$":
			value = ""
		case found && expression != "":
			if value, ok = exampleText(expression); !ok {
				return "", false
			}
		}
		path, pattern = path+value, pattern[end+1:]
	}
}

// colons replaces ":name" up to the end of the element, and "*" up to the end of the text. A
// backslash makes a colon an ordinary character, as in gin and echo.
func colons(text string) string {
	var path strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == ':':
			i++
			path.WriteByte(':')
		case c == ':':
			for i+1 < len(text) && isNameByte(text[i+1]) {
				i++
			}
			path.WriteString(example)
		case c == '*':
			path.WriteString(example)
			return path.String()
		default:
			path.WriteByte(c)
		}
	}
	return path.String()
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// exampleText returns a text that the regular expression matches as a whole.
func exampleText(expression string) (string, bool) {
	whole, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return "", false
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", false
	}
	for _, text := range []string{example, textOf(tree.Simplify())} {
		if text != "" && whole.MatchString(text) {
			return text, true
		}
	}
	return "", false
}

// textOf returns a short text for the regular expression. Empty-width assertions are not
// checked.
func textOf(r *syntax.Regexp) string {
	var text strings.Builder
	switch r.Op {
	case syntax.OpLiteral:
		return string(r.Rune)
	case syntax.OpCharClass:
		return string(runeOf(r.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpCapture, syntax.OpPlus, syntax.OpQuest, syntax.OpStar, syntax.OpAlternate:
		return textOf(r.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(textOf(r.Sub[0]), max(r.Min, min(1, r.Max)))
	case syntax.OpConcat:
		for _, sub := range r.Sub {
			text.WriteString(textOf(sub))
		}
	default: // an assertion, or an expression that matches nothing
	}
	return text.String()
}

// runeOf returns a rune of the class, which is a list of ranges. It prefers letters and
// digits, because a guard refuses paths with some other characters.
func runeOf(class []rune) rune {
	for _, c := range "x7abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345689-_.~" {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= c && c <= class[i+1] {
				return c
			}
		}
	}
	if len(class) == 0 {
		return 'x'
	}
	return class[0]
}
