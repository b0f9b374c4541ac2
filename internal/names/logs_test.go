package names_test

import (
	"context"
	"go/ast"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// The records of requests are the only records whose message or attributes are not constants of
// one call. These functions write them, and requestRecords logs them for real.
var requestLoggers = []string{"Observe", "logRefusal"}

// logNames returns the messages of all log records, and the names of the attributes of each
// record.
func logNames(t *testing.T) list {
	t.Helper()
	var names list
	for _, folder := range published(t) {
		for _, file := range sources(t, folder) {
			names.logCalls(t, file)
		}
	}
	names = append(names, requestRecords(t)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// logCalls adds the messages and attributes of the calls of a logger in file.
func (l *list) logCalls(t *testing.T, file sourceFile) {
	t.Helper()
	packages := importNames(file.File)
	for _, decl := range file.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		attached := withKeys(function)
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			receiver, args := logArguments(call, packages)
			if args == nil {
				return true
			}
			message, ok := text(args[0])
			if !ok {
				if name := function.Name.Name; name != "warn" && !slices.Contains(requestLoggers, name) {
					t.Errorf("%s: the function %s logs a message that is not a constant; want a constant, or a row in requestLoggers", file.path, name)
				}
				return true
			}
			l.record(message, append(attributes(t, file, function, args[1:]), attached[receiver]...))
			return true
		})
	}
}

// record adds the names of a log record.
func (l *list) record(message string, attributes []string) {
	l.add("log message", strconv.Quote(message))
	for _, name := range attributes {
		l.add("log attribute", strconv.Quote(message), name)
	}
}

// logArguments returns the receiver and the arguments of a call of a logger, from the message on.
// The arguments are nil if the call does not log.
func logArguments(call *ast.CallExpr, packages map[string]string) (receiver string, args []ast.Expr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", nil
	}
	if x, ok := method.X.(*ast.Ident); ok {
		receiver = x.Name
		if imported, ok := packages[x.Name]; ok && imported != "log/slog" {
			return "", nil // a function of another package, for example http.Error
		}
	}
	index := 0
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error", "warn": // warn is a method of bearer.Config
	case "DebugContext", "InfoContext", "WarnContext", "ErrorContext":
		index = 1
	case "Log", "LogAttrs":
		index = 2
	default:
		return "", nil
	}
	if len(call.Args) <= index { // for example err.Error()
		return "", nil
	}
	return receiver, call.Args[index:]
}

// importNames returns the paths of the imports of file, by name.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// withKeys returns the names that the method With of a logger attaches, by the variable that has the
// new logger.
func withKeys(function *ast.FuncDecl) map[string][]string {
	keys := map[string][]string{}
	ast.Inspect(function, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
			return true
		}
		variable, isVariable := assign.Lhs[0].(*ast.Ident)
		call, isCall := assign.Rhs[0].(*ast.CallExpr)
		if !isVariable || !isCall {
			return true
		}
		if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "With" && len(call.Args) > 0 {
			if name, ok := text(call.Args[0]); ok {
				keys[variable.Name] = append(keys[variable.Name], name)
			}
		}
		return true
	})
	return keys
}

// attributes returns the names of the attributes in the arguments after the message. An attribute is
// a pair of a constant name and a value, or a call such as slog.String("name", value).
func attributes(t *testing.T, file sourceFile, function *ast.FuncDecl, args []ast.Expr) []string {
	t.Helper()
	var names []string
	for len(args) > 0 {
		if name, ok := text(args[0]); ok && len(args) > 1 {
			names = append(names, name)
			args = args[2:]
			continue
		}
		call, ok := args[0].(*ast.CallExpr)
		if ok {
			if method, isMethod := call.Fun.(*ast.SelectorExpr); isMethod && method.Sel.Name == "attrs" && slices.Contains(requestLoggers, function.Name.Name) {
				return names // Event.attrs; requestRecords logs these attributes
			}
			if name, isText := text(call.Args[0]); isText {
				names = append(names, name)
				args = args[1:]
				continue
			}
		}
		t.Errorf("%s: the function %s logs an attribute without a constant name", file.path, function.Name.Name)
		return names
	}
	return names
}

// requestRecords returns the names in the records of requests. It logs one record of each kind, with
// all attributes.
func requestRecords(t *testing.T) list {
	t.Helper()
	var names list
	synctest.Test(t, func(t *testing.T) {
		log := &testkit.Buffer{}
		logger := slog.New(slog.NewJSONHandler(log, nil))
		issuer := testkit.NewIssuer(t, "EdDSA")
		observer, err := bearer.NewLogObserver(logger, &bearer.LogOptions{Audit: slog.LevelInfo})
		if err != nil {
			t.Fatal(err)
		}
		var last bearer.Event
		v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Logger = logger
			cfg.Observer = bearer.ObserverFunc(func(ctx context.Context, e bearer.Event) {
				e.Duration = time.Second // the virtual clock does not move during a decision
				last = e
				observer.Observe(ctx, e)
			})
		})
		decide := func(claims map[string]any, rule scopes.Rule, times int) {
			token := issuer.Token(claims)
			for range times {
				_, _ = bearer.Decide(t.Context(), v, bearer.Request{Transport: "http", Route: "GET /x", Rule: rule, Authorization: []string{"Bearer " + token}})
			}
		}
		decide(nil, scopes.All(), 1)
		for _, row := range []struct {
			claims map[string]any
			rule   scopes.Rule
		}{{nil, scopes.ReportOnly(scopes.All("missing"))}, {map[string]any{"aud": "other"}, scopes.All()}} {
			// The last record that the limit of a minute allows has the attribute "help". The first
			// record of the next minute has the attribute "not_logged_before".
			time.Sleep(time.Minute)
			decide(row.claims, row.rule, 100)
			time.Sleep(time.Minute)
			decide(row.claims, row.rule, 1)
		}
		time.Sleep(time.Minute)
		_, _ = v.Verify(t.Context(), testkit.NewIssuer(t, "EdDSA").Token(nil)) // the signature is not verified
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		last.Reason, last.Unverified = bearer.KeysUnavailable, true
		observer.Observe(ended, last)
		if err := observer.Close(); err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(log.String()) {
			names.record(parseRecord(t, line))
		}
		claims, err := v.Verify(t.Context(), issuer.Token(nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range claims.LogValue().Group() {
			names.add("log value of bearer.Claims", a.Key)
		}
	})
	return names
}

// parseRecord returns the message and the names of the attributes of a record in JSON.
func parseRecord(t *testing.T, line string) (message string, attributes []string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	message, _ = members[slog.MessageKey].(string)
	for name := range members {
		if name != slog.TimeKey && name != slog.LevelKey && name != slog.MessageKey {
			attributes = append(attributes, name)
		}
	}
	return message, attributes
}
