package ginbearer

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// listed is a route of an engine.
type listed struct {
	method  string
	path    string            // as engine.Routes lists it
	pattern string            // as c.FullPath returns it
	chain   gin.HandlersChain // nil if the chain is unknown
	// examples are paths that the route matches; empty if the chain is unknown. The paths
	// differ if the pattern has a wildcard for the rest of the path.
	examples [2]string
}

// list returns the routes of the engine with their chains of handlers. gin does not export
// the chains. If gin's data structures differ from the expected ones, all chains are nil.
func list(engine *gin.Engine) []listed {
	routes, ok := readTrees(engine)
	infos := engine.Routes()
	same := slices.EqualFunc(routes, infos, func(a listed, b gin.RouteInfo) bool {
		return a.method == b.Method && a.path == b.Path && len(a.chain) > 0 &&
			reflect.ValueOf(a.chain.Last()).Pointer() == reflect.ValueOf(b.HandlerFunc).Pointer()
	})
	if ok && same {
		return routes
	}
	routes = nil
	for _, info := range infos {
		routes = append(routes, listed{method: info.Method, path: info.Path, pattern: unescape(info.Path)})
	}
	return routes
}

// readTrees reads the field engine.trees. It changes nothing.
func readTrees(engine *gin.Engine) (routes []listed, ok bool) {
	trees, ok := field(reflect.ValueOf(engine).Elem(), "trees", reflect.Slice)
	if !ok {
		return nil, false
	}
	for i := range trees.Len() {
		tree := trees.Index(i)
		if tree.Kind() != reflect.Struct {
			return nil, false
		}
		method, ok1 := field(tree, "method", reflect.String)
		root, ok2 := field(tree, "root", reflect.Pointer)
		if !ok1 || !ok2 {
			return nil, false
		}
		if routes, ok = readNode(routes, listed{method: method.String()}, root); !ok {
			return nil, false
		}
	}
	return routes, true
}

// readNode adds the routes of a node and of its children. The argument parent contains the
// paths of the parent node.
func readNode(routes []listed, parent listed, node reflect.Value) (_ []listed, ok bool) {
	if node.Kind() != reflect.Pointer || node.IsNil() || node.Elem().Kind() != reflect.Struct {
		return nil, false
	}
	path, ok1 := field(node.Elem(), "path", reflect.String)
	full, ok2 := field(node.Elem(), "fullPath", reflect.String)
	handlers, ok3 := field(node.Elem(), "handlers", reflect.Slice)
	children, ok4 := field(node.Elem(), "children", reflect.Slice)
	kind, ok5 := field(node.Elem(), "nType", reflect.Uint8)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, false
	}
	chain, ok := handlers.Interface().(gin.HandlersChain)
	if !ok {
		return nil, false
	}
	own := parent.child(path.String(), kind.Uint())
	if len(chain) > 0 {
		route := own
		route.pattern, route.chain = unescape(full.String()), slices.Clone(chain)
		routes = append(routes, route)
	}
	for i := range children.Len() {
		if routes, ok = readNode(routes, own, children.Index(i)); !ok {
			return nil, false
		}
	}
	return routes, true
}

// child returns the paths of a child node. The constants for the kinds of nodes are gin's.
func (l listed) child(path string, kind uint64) listed {
	const param, catchAll = 2, 3
	l.path += path
	values := [2]string{unescape(path), unescape(path)}
	switch {
	case kind == param:
		values = [2]string{exampleValue, exampleValue}
	case kind == catchAll && path != "": // gin's node for the text before the slash has no path
		values = [2]string{"/" + exampleValue, "/" + exampleValue + "/" + exampleValue}
	}
	for i, value := range values {
		l.examples[i] += value
	}
	return l
}

// exampleValue replaces wildcards. It is not the literal of a pattern in a usual program.
const exampleValue = "example-value-7f3a"

// unescape returns the pattern as c.FullPath returns it. gin removes the backslash in front
// of a colon at the first request.
func unescape(pattern string) string { return strings.ReplaceAll(pattern, `\:`, ":") }

// field returns a field of a struct. Package reflect does not allow the use of the values of
// unexported fields, so the result is read from the address of the field.
func field(s reflect.Value, name string, kind reflect.Kind) (reflect.Value, bool) {
	f := s.FieldByName(name)
	if !f.IsValid() || f.Kind() != kind || !f.CanAddr() {
		return reflect.Value{}, false
	}
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem(), true //nolint:gosec // the only way to read the field
}

// handlePointer is the address of the code of the middleware of this package.
var handlePointer = reflect.ValueOf((*enforcer)(nil).handle).Pointer()

// enforcers returns the enforcers in the chain of the route. It calls only the middleware of
// this package, and only to identify it.
func (l *listed) enforcers() (found []*enforcer) {
	for _, h := range l.chain {
		if reflect.ValueOf(h).Pointer() != handlePointer {
			continue
		}
		c := new(gin.Context) // without a request
		h(c)
		if e, ok := c.Get(identity{}); ok {
			if e, ok := e.(*enforcer); ok {
				found = append(found, e)
			}
		}
	}
	return found
}

// enforces reports whether the chain contains a guard with the same rule for the route.
func (l *listed) enforces(rules scopes.Routes) bool {
	want, _ := rules.Rule(l.method, l.pattern)
	return slices.ContainsFunc(l.enforcers(), func(e *enforcer) bool {
		own, _ := e.rules.Rule(l.method, l.pattern)
		return e.engine != nil && (middleware.Route{Rule: own}).String() == (middleware.Route{Rule: want}).String()
	})
}

// required returns the rule of the first Require or Handle in the chain.
func (l *listed) required() (rule scopes.Rule, found bool) {
	for _, e := range l.enforcers() {
		if e.engine == nil && !e.hasTable {
			return e.rule, true
		}
	}
	return scopes.Rule{}, false
}

// enforcesTable reports whether the chain contains a guard with the table.
func (l *listed) enforcesTable(t *scopes.Table) bool {
	return slices.ContainsFunc(l.enforcers(), func(e *enforcer) bool { return e.hasTable && e.table == t })
}

// shadow is an engine with the routes of another engine, and with handlers that only record
// the route. It finds the route of a request that a preflight request announces. gin has no
// function for this.
type shadow struct {
	once   sync.Once
	engine *gin.Engine
}

// recordKey is the context key for the result of shadow.pattern.
type recordKey struct{}

// pattern returns the pattern of the route that gin chooses for the request, or "" if there
// is no route.
func (s *shadow) pattern(of *gin.Engine, r *http.Request) string {
	s.once.Do(func() {
		s.engine = gin.New()
		s.engine.RedirectTrailingSlash, s.engine.RedirectFixedPath = false, false
		s.engine.UseRawPath, s.engine.UseEscapedPath = of.UseRawPath, of.UseEscapedPath
		s.engine.UnescapePathValues, s.engine.RemoveExtraSlash = of.UnescapePathValues, of.RemoveExtraSlash
		for _, route := range list(of) {
			s.add(route)
		}
	})
	var found string
	s.engine.ServeHTTP(discard{}, r.WithContext(context.WithValue(r.Context(), recordKey{}, &found)))
	return found
}

// add adds a route. A pattern with an escaped colon can conflict with another pattern,
// because gin has removed the backslash. Such a route is left out, so preflight requests
// for the route are denied.
func (s *shadow) add(route listed) {
	defer func() { _ = recover() }()
	s.engine.Handle(route.method, route.pattern, func(c *gin.Context) {
		if found, ok := c.Request.Context().Value(recordKey{}).(*string); ok {
			*found = c.FullPath()
		}
	})
}

// discard is a response writer without an effect.
type discard struct{}

// Header returns a new header.
func (discard) Header() http.Header { return http.Header{} }

// Write does nothing.
func (discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader does nothing.
func (discard) WriteHeader(int) {}
