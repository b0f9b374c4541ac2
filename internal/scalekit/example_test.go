package scalekit_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bearerkit/bearer/internal/scalekit"
)

func ExampleNew() {
	server := httptest.NewUnstartedServer(nil)
	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://" + server.Listener.Addr().String()})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Config.Handler = env.Handler()
	server.Start()
	defer server.Close()

	response, err := http.Post(server.URL+"/api/v1/organizations/"+credentials.OrganizationID+"/clients", "application/json", strings.NewReader("{}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(body))
	// Output:
	// 401 Unauthorized {"code":16,"message":"Token empty","details":[{"@type":"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo","error_code":"UNAUTHENTICATED"}]}
}
