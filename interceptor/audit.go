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

// MethodRule is a method of a server with its rule.
type MethodRule struct {
	// Name is the full name, "/package.Service/Method".
	Name string
	// Rule is the rule of the method, or the zero Rule if the method has no rule.
	Rule scopes.Rule
	// Declared is the name in the declaration of the rule: Name, or "/package.Service/*".
	// It is empty if the method has no rule.
	Declared string
}

// String returns the method and its rule as a sentence without a full stop.
func (m MethodRule) String() string {
	text := declare.Sentence(m.Name, m.Rule)
	if m.Declared != m.Name && !m.Rule.IsZero() {
		text += " (rule for " + m.Declared + ")"
	}
	return text
}

// AuditReport is the result of [Guard.Audit]. The zero AuditReport is the result for a
// server without services and a guard without rules.
type AuditReport struct {
	// Methods lists all methods of the server, sorted by name.
	Methods []MethodRule
	// WithoutRule lists the names of the server's methods without a rule. The guard denies
	// calls of these methods.
	WithoutRule []string
	// WithoutMethod lists the names of the rules that apply to no method of the server.
	// There are three possible causes: the name is misspelt; the method was removed; or the
	// rule is for a service, and each method of the service has its own rule.
	WithoutMethod []string
}

// Audit compares the rules with the methods of the server, which is usually a *[grpc.Server]. Call Audit after all services are
// registered and before the server serves:
//
//	if err := guard.Audit(server).Err(); err != nil { ... }
//
// Audit cannot check whether the server uses the guard's interceptors.
func (g *Guard) Audit(server interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
},
) AuditReport {
	var report AuditReport
	used := make(map[string]bool)
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			name := "/" + service + "/" + method.Name
			found := g.rules.lookup(name)
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

// Err returns an error that lists every method without a rule and every rule without a
// method. If there is no such method and no such rule, Err returns nil.
func (r AuditReport) Err() error {
	var errs []error
	for _, name := range r.WithoutRule {
		errs = append(errs, fmt.Errorf("interceptor: method %s has no rule and is denied", name))
	}
	for _, name := range r.WithoutMethod {
		errs = append(errs, fmt.Errorf("interceptor: rule %q applies to no method of the server", name))
	}
	return errors.Join(errs...)
}

// String returns the report as text for a log: one line for each method and one line for
// each rule without a method. Each line ends with a newline.
func (r AuditReport) String() string {
	var text strings.Builder
	for _, method := range r.Methods {
		text.WriteString(method.String() + "\n")
	}
	for _, name := range r.WithoutMethod {
		text.WriteString("the rule for " + name + " applies to no method\n")
	}
	return text.String()
}
