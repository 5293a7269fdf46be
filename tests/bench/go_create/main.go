// SPDX-License-Identifier: Apache-2.0

// Creates pods through an API server and says how long each took. Standard input has a line for each run:
//
//	PATH CLIENTS SECONDS
//
// PATH is of a namespace's pods, with its query. Each client has a connection of its own, which it keeps from run to
// run, and asks again once it is answered. Standard output has a line of JSON for each run.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"
)

type target struct {
	server string
	body   []byte
	tls    *tls.Config
}

type client struct {
	http    *http.Client
	took    []time.Duration
	refused string
}

type result struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Refused  string  `json:"refused,omitempty"`
}

func (t *target) newClient() *client {
	// HTTP/1.1: a stream of a shared connection would wait for its neighbours here, and not in the API server.
	return &client{http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: t.tls, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}}}
}

func (t *target) create(c *client, path string) error {
	request, err := http.NewRequest(http.MethodPost, t.server+path, bytes.NewReader(t.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%d %s", answer.StatusCode, text)
	}
	return err
}

// From `begin` on until `end`; before that once, so that the connection is there.
func (t *target) work(c *client, path string, ready *sync.WaitGroup, begin <-chan time.Time) {
	c.took, c.refused = c.took[:0], ""
	err := t.create(c, path)
	ready.Done()
	end := <-begin
	for err == nil && time.Now().Before(end) {
		start := time.Now()
		err = t.create(c, path)
		c.took = append(c.took, time.Since(start))
	}
	if err != nil {
		c.refused = err.Error()
	}
}

func (t *target) run(clients []*client, path string, duration time.Duration) result {
	var ready, done sync.WaitGroup
	begin := make(chan time.Time, len(clients))
	ready.Add(len(clients))
	done.Add(len(clients))
	for _, c := range clients {
		go func(c *client) {
			defer done.Done()
			t.work(c, path, &ready, begin)
		}(c)
	}
	ready.Wait()
	start := time.Now()
	for range clients {
		begin <- start.Add(duration)
	}
	done.Wait()
	return summary(clients, time.Since(start))
}

func summary(clients []*client, took time.Duration) result {
	var all []time.Duration
	out := result{Seconds: took.Seconds()}
	for _, c := range clients {
		all = append(all, c.took...)
		if c.refused != "" {
			out.Refused = c.refused
		}
	}
	if len(all) == 0 {
		return out
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	out.Requests = len(all)
	out.P50 = float64(all[len(all)/2]) / 1e6
	out.P99 = float64(all[len(all)*99/100]) / 1e6
	return out
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func main() {
	server := flag.String("server", "", "https://HOST:PORT")
	ca := flag.String("ca", "", "whom to trust (PEM)")
	cert := flag.String("cert", "", "the client's certificate (PEM)")
	key := flag.String("key", "", "its key (PEM)")
	body := flag.String("body", "", "file with the pod (JSON)")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		log.Fatal(err)
	}
	t := target{server: *server, body: read(*body),
		tls: &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}}
	t.tls.RootCAs.AppendCertsFromPEM(read(*ca))
	var clients []*client
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var path string
		var n int
		var seconds float64
		if _, err := fmt.Sscan(lines.Text(), &path, &n, &seconds); err != nil {
			log.Fatal(err)
		}
		for len(clients) < n {
			clients = append(clients, t.newClient())
		}
		out := t.run(clients[:n], path, time.Duration(seconds*float64(time.Second)))
		json.NewEncoder(os.Stdout).Encode(out)
	}
}
