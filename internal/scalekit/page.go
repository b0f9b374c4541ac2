package scalekit

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

// pageFiles are the templates of the web page.
//
//go:embed page
var pageFiles embed.FS

// pageRoutes registers the web page and its actions on mux. Each action is a form of the page. The
// page works without JavaScript: the script only copies texts and completes the forms.
func (env *Environment) pageRoutes(mux *http.ServeMux, guard *pageGuard) {
	mux.Handle("GET /{$}", guard.protectPage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env.writePage(w, r, http.StatusOK, func(*pageView) {})
	})))
	for name, act := range map[string]func(http.ResponseWriter, *http.Request, url.Values){
		"mint":          env.actMint,
		"check":         env.actCheck,
		"keys/rotate":   env.actRotateKey,
		"keys/add":      env.actAddKey,
		"keys/promote":  env.actPromoteKey,
		"keys/retire":   env.actRetireKey,
		"faults/set":    env.actSetFault,
		"faults/remove": env.actRemoveFault,
	} {
		mux.Handle("POST /page/"+name, guard.protectAction(act))
	}
	// The URL of an action is in the address bar of the browser after the action.
	mux.Handle("GET /page/", guard.protectPage(http.RedirectHandler("/", http.StatusSeeOther)))
}

// parsePage parses the templates. An error is a mistake in the templates, and every test of the
// page finds it.
func parsePage() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "page/*"))
}

// writePage writes the web page. The function add adds the result of an action to the view.
func (env *Environment) writePage(w http.ResponseWriter, r *http.Request, status int, add func(*pageView)) {
	view := env.view(time.Now())
	view.allowActions(env.guard.allowsActions(r))
	view.Anywhere = env.guard.anywhere
	add(&view)
	var out bytes.Buffer
	if err := env.page.ExecuteTemplate(&out, "page.html", view); err != nil {
		env.log.ErrorContext(r.Context(), "cannot render the web page", "error", err)
		http.Error(w, "cannot render the web page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	setPageHeader(w.Header(), view.Nonce)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // an error means that the client is gone
}
