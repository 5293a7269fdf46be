// SPDX-License-Identifier: Apache-2.0

// fetch METHOD URL: prints status and body, as net/http gets them by default.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	request, err := http.NewRequest(os.Args[1], os.Args[2], nil)
	if err == nil {
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			body, _ := io.ReadAll(response.Body)
			fmt.Printf("%d\n%s", response.StatusCode, body)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
