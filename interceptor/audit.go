package interceptor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/scopes"
)

// ServiceInfoProvider lists the services of a server. *[grpc.Server] is one.
type ServiceInfoProvider interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// MethodRule is one method of a server and what it asks of its callers.
type MethodRule struct {
	// Name is the full name, "/package.Service/Method".
	Name string
	// Rule is the rule that judges it; the zero Rule where there is none.
	Rule scopes.Rule
	// Declared is the name that the rule was declared with: Name, or the one of
	// the service, "/package.Service/*". Empty where there is no rule.
	Declared string
}

// String returns the method and its rule as a sentence, without a full stop.
func (m MethodRule) String() string {
	text := declare.Sentence(m.Name, m.Rule)
	if m.Declared != m.Name && !m.Rule.IsZero() {
		text += ", as all of " + m.Declared
	}
	return text
}

// AuditReport is what [Guard.Audit] found. The zero AuditReport is that of a server
// without services and a guard without rules.
type AuditReport struct {
	// Methods is all methods of the server, sorted by name.
	Methods []MethodRule
	// WithoutRule is the names of the server's methods that no rule is for. The
	// guard denies them.
	WithoutRule []string
	// WithoutMethod is the names of rules that judge no method of the server:
	// misspelt, left over, or overruled by the exact names of all methods.
	WithoutMethod []string
}

// Audit compares the rules with the services that are registered with the
// server. Ask it after all of them are, before the server serves:
//
//	if err := guard.Audit(server).Err(); err != nil { ... }
//
// It does not see whether the server was made with the guard's interceptors.
func (g *Guard) Audit(server ServiceInfoProvider) AuditReport {
	var report AuditReport
	used := make(map[string]bool)
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			name := "/" + service + "/" + method.Name
			found := g.rules.find(name)
			report.Methods = append(report.Methods, MethodRule{Name: name, Rule: found.rule, Declared: found.name})
			used[found.name] = true
		}
	}
	slices.SortFunc(report.Methods, func(a, b MethodRule) int { return strings.Compare(a.Name, b.Name) })
	for _, method := range report.Methods {
		if method.Rule.IsZero() {
			report.WithoutRule = append(report.WithoutRule, method.Name)
		}
	}
	for _, name := range g.rules.names() {
		if !used[name] {
			report.WithoutMethod = append(report.WithoutMethod, name)
		}
	}
	return report
}

// Err returns an error that names every method without a rule and every rule
// without a method, or nil where there is neither.
func (r AuditReport) Err() error {
	var errs []error
	for _, name := range r.WithoutRule {
		errs = append(errs, fmt.Errorf("interceptor: method %s has no rule and is denied", name))
	}
	for _, name := range r.WithoutMethod {
		errs = append(errs, fmt.Errorf("interceptor: rule %q is for no method of the server", name))
	}
	return errors.Join(errs...)
}

// String returns the report for the log of a start: a line for each method and
// one for each rule without a method, each with its end of line.
func (r AuditReport) String() string {
	var text strings.Builder
	for _, method := range r.Methods {
		text.WriteString(method.String() + "\n")
	}
	for _, name := range r.WithoutMethod {
		text.WriteString(name + " has a rule and no method\n")
	}
	return text.String()
}
