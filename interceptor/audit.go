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

// AuditReport is the result of [Guard.Audit]. The zero AuditReport is the result for a
// server without services and a guard without rules.
type AuditReport struct {
	// Methods lists the full names of all methods of the server, "/package.Service/Method", sorted.
	Methods []string
	// WithoutRule lists the names of the server's methods without a rule. The guard denies
	// calls of these methods.
	WithoutRule []string
	// WithoutMethod lists the names of the rules that apply to no method of the server.
	// There are three possible causes: the name is misspelt; the method was removed; or the
	// rule is for a service, and each method of the service has its own rule.
	WithoutMethod []string

	found map[string]declaredRule // the rules of Methods
}

// Rule returns the rule of a method of the server, and the name in the declaration of the rule: the
// full name of the method, or "/package.Service/*". If the method has no rule, or is not in Methods,
// Rule returns the zero Rule and "".
func (r AuditReport) Rule(method string) (rule scopes.Rule, declared string) {
	f := r.found[method]
	return f.rule, f.name
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
	report := AuditReport{found: make(map[string]declaredRule)}
	used := make(map[string]bool)
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			name := "/" + service + "/" + method.Name
			report.Methods = append(report.Methods, name)
			report.found[name] = g.rules.lookup(name)
			used[report.found[name].name] = true
		}
	}
	slices.Sort(report.Methods)
	for _, method := range report.Methods {
		if report.found[method].rule.IsZero() {
			report.WithoutRule = append(report.WithoutRule, method)
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
		rule, declared := r.Rule(method)
		text.WriteString(declare.Sentence(method, rule))
		if declared != method && !rule.IsZero() {
			text.WriteString(" (rule for " + declared + ")")
		}
		text.WriteString("\n")
	}
	for _, name := range r.WithoutMethod {
		text.WriteString("the rule for " + name + " applies to no method\n")
	}
	return text.String()
}
