// Command kube-scheduler answers with the decisions of the real kube-scheduler, whose
// packages it links unchanged.
//
// Its roles and their protocols are described in README.md.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

var roles = map[string]func(arguments []string) error{
	"conformance": conformance,
	"measure":     measure,
	"version":     version,
}

func main() {
	klog.SetLogger(logr.Discard())
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kube-scheduler conformance|measure|version")
		os.Exit(2)
	}
	if err := roles[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func version([]string) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"kubernetes": release})
}
