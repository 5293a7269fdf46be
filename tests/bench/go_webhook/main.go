// SPDX-License-Identifier: Apache-2.0

// The peer of the webhook's benchmarks, of Go's standard library alone. /mutate does to a pod what openshell-webhook
// does in topology combined: it decodes the review without types, builds the same JSON Patch, and answers over TLS.
// /allow is an empty webhook: it decodes the review and lets everything pass. Both refuse nothing and check less than
// ours, so comparisons favour them.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
)

const (
	bodyMax   = 8 << 20
	tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"
)

type object = map[string]any

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

type status struct {
	Version  string `json:"version"`
	Topology string `json:"topology"`
	Policy   string `json:"policy"`
}

func named(name string, more object) object {
	more["name"] = name
	return more
}

func installContainer(image string) object {
	amount := object{"cpu": "100m", "memory": "64Mi"}
	return object{
		"name": "openshell-supervisor-install", "image": image, "imagePullPolicy": "IfNotPresent",
		"command":   []string{"/openshell-agent", "install", "/opt/openshell"},
		"resources": object{"requests": amount, "limits": amount},
		"securityContext": object{
			"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false,
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
			"capabilities":   object{"drop": []string{"ALL"}},
			"seccompProfile": object{"type": "RuntimeDefault"}},
		"volumeMounts":           []object{{"name": "openshell-supervisor-bin", "mountPath": "/opt/openshell"}},
		"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
}

func volumes(policy string) []object {
	return []object{
		named("openshell-supervisor-bin", object{"emptyDir": object{}}),
		named("openshell-policy", object{"configMap": object{
			"name": policy, "items": []object{{"key": "policy.yaml", "path": "policy.yaml"}},
			"defaultMode": 420, "optional": true}}),
		named("openshell-run", object{"emptyDir": object{"medium": "Memory", "sizeLimit": "4Mi"}}),
		named("openshell-supervisor-tls", object{"emptyDir": object{"sizeLimit": "8Mi"}})}
}

const startPath = "/openshell-start/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19"

func mounts() []object {
	return []object{
		named("openshell-supervisor-bin", object{"mountPath": "/opt/openshell", "readOnly": true}),
		named("openshell-policy", object{"mountPath": "/etc/openshell/policy", "readOnly": true}),
		named("openshell-run", object{"mountPath": "/run/openshell"}),
		named("openshell-supervisor-tls", object{"mountPath": "/etc/openshell-tls"}),
		named("openshell-supervisor-bin", object{"mountPath": startPath, "readOnly": true})}
}

func removeToken(spec, container object) []operation {
	var ops []operation
	list, _ := container["volumeMounts"].([]any)
	names := map[any]bool{}
	for i := len(list) - 1; i >= 0; i-- {
		mount, _ := list[i].(object)
		if mount["mountPath"] == tokenPath {
			names[mount["name"]] = true
			ops = append(ops, operation{Op: "remove", Path: fmt.Sprint("/spec/containers/0/volumeMounts/", i)})
		}
	}
	list, _ = spec["volumes"].([]any)
	for i := len(list) - 1; i >= 0; i-- {
		volume, _ := list[i].(object)
		if names[volume["name"]] {
			ops = append(ops, operation{Op: "remove", Path: fmt.Sprint("/spec/volumes/", i)})
		}
	}
	return append(ops, operation{"replace", "/spec/automountServiceAccountToken", false})
}

func command(container object) []any {
	words := []any{startPath + "/openshell-agent", "run", "--policy", "/etc/openshell/policy/policy.yaml",
		"--default-user", "1000:1000"}
	list, _ := container["volumeMounts"].([]any)
	for _, item := range list {
		mount, _ := item.(object)
		if mount["readOnly"] != true {
			words = append(words, "--rw", mount["mountPath"])
		}
	}
	original, _ := container["command"].([]any)
	return append(append(words, "--"), original...)
}

func rewrite(pod object, image string) ([]operation, error) {
	spec, _ := pod["spec"].(object)
	containers, _ := spec["containers"].([]any)
	if len(containers) != 1 {
		return nil, fmt.Errorf("%d containers", len(containers))
	}
	container, _ := containers[0].(object)
	metadata, _ := pod["metadata"].(object)
	annotations, _ := metadata["annotations"].(object)
	policy, _ := annotations["openshell.io/policy"].(string)
	if policy == "" {
		policy = "openshell-default-policy"
	}

	ops := removeToken(spec, container)
	for _, volume := range volumes(policy) {
		ops = append(ops, operation{"add", "/spec/volumes/-", volume})
	}
	ops = append(ops, operation{"add", "/spec/initContainers", []object{installContainer(image)}})
	for _, mount := range mounts() {
		ops = append(ops, operation{"add", "/spec/containers/0/volumeMounts/-", mount})
	}
	text, err := json.Marshal(status{"0.1.0", "combined", policy})
	if err != nil {
		return nil, err
	}
	return append(ops,
		operation{"replace", "/spec/containers/0/command", command(container)},
		operation{"add", "/spec/containers/0/securityContext", object{
			"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false,
			"capabilities": object{"add": []string{"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYSLOG", "SETUID",
				"SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH", "CHOWN"}, "drop": []string{"ALL"}},
			"seccompProfile": object{"type": "RuntimeDefault"}}},
		operation{"add", "/metadata/annotations/openshell.io~1status", string(text)}), nil
}

func answer(body []byte, image string) ([]byte, error) {
	var review object
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, err
	}
	request, _ := review["request"].(object)
	pod, _ := request["object"].(object)
	ops, err := rewrite(pod, image)
	if err != nil {
		return nil, err
	}
	patch, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	return json.Marshal(object{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": object{"uid": request["uid"], "allowed": true, "patchType": "JSONPatch", "patch": patch}})
}

// What generated types do: the object stays as it came, for those who want to decode it.
type review struct {
	Request struct {
		UID       string          `json:"uid"`
		Namespace string          `json:"namespace"`
		Operation string          `json:"operation"`
		Object    json.RawMessage `json:"object"`
	} `json:"request"`
}

func allow(body []byte) ([]byte, error) {
	var asked review
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	return json.Marshal(object{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": object{"uid": asked.Request.UID, "allowed": true}})
}

func handle(path string, decide func(body []byte) ([]byte, error)) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
		if err == nil && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			err = fmt.Errorf("not application/json")
		}
		var out []byte
		if err == nil {
			out, err = decide(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		w.Write(out)
	})
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where it is asked")
	cert := flag.String("tls-cert", "", "certificate chain (PEM)")
	key := flag.String("tls-key", "", "its key (PEM)")
	image := flag.String("agent-image", "", "image of openshell-agent")
	flag.Parse()

	handle("/mutate", func(body []byte) ([]byte, error) { return answer(body, *image) })
	handle("/allow", allow)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	server := http.Server{TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	log.Fatal(server.ServeTLS(listener, *cert, *key))
}
