// Asks for each path as a kubelet does, with Go's own net/url and net/http: lines of JSON with a path in, the same lines with what was
// asked out. The connection ends in this process.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// The Pod's address and its port.
const host = "10.0.0.7:8080"

type probe struct {
	// As the probe has it.
	Path string `json:"path"`
	// As a text of an event shows it.
	URL string `json:"url"`
	// What the line of the request says between method and version; none where nothing is sent.
	Target *string `json:"target"`
	// The decoded path that a Go server reads from it, with all escaped that may be; none where the server refuses the request.
	Decoded *string `json:"decoded"`
	// The header of that name.
	Authorization string `json:"authorization,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for lines.Scan() {
		var probe probe
		must(json.Unmarshal(lines.Bytes(), &probe))
		must(output.Encode(ask(probe.Path)))
	}
	must(lines.Err())
}

// As `NewRequestForHTTPGetAction` and `formatURL` of k8s.io/kubernetes/pkg/probe/http make and send it.
func ask(path string) probe {
	u, err := url.Parse(path)
	if err != nil {
		u = &url.URL{Path: path}
	}
	u.Scheme = "http"
	u.Host = host
	request, err := http.NewRequest("GET", u.String(), nil)
	must(err)
	sent := make(chan []byte, 1)
	_, err = client(sent).Do(request)
	var failed *url.Error
	if !errors.As(err, &failed) {
		panic(fmt.Sprintf("%q has been answered", path))
	}
	probe := probe{Path: path, URL: failed.URL}
	select {
	case head := <-sent:
		probe.read(head)
	default:
	}
	return probe
}

// A client whose requests go to `sent`, and are not answered.
func client(sent chan<- []byte) *http.Client {
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			head, buffer := []byte{}, make([]byte, 4096)
			for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
				n, err := theirs.Read(buffer)
				must(err)
				head = append(head, buffer[:n]...)
			}
			sent <- head
			theirs.Close()
		}()
		return ours, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

func (probe *probe) read(head []byte) {
	line, _, _ := strings.Cut(string(head), "\r\n")
	target := strings.TrimSuffix(strings.TrimPrefix(line, "GET "), " HTTP/1.1")
	probe.Target = &target
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return
	}
	if request.Host != host {
		panic(request.Host)
	}
	decoded := escape(request.URL.Path)
	probe.Decoded = &decoded
	probe.Authorization = request.Header.Get("Authorization")
}

func escape(path string) string {
	var escaped strings.Builder
	for _, b := range []byte(path) {
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		if letter || b >= '0' && b <= '9' || strings.IndexByte("/-._~", b) >= 0 {
			escaped.WriteByte(b)
		} else {
			fmt.Fprintf(&escaped, "%%%02X", b)
		}
	}
	return escaped.String()
}

func must(err error) {
	if err != nil && err != io.EOF {
		panic(err)
	}
}
