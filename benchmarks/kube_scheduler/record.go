package main

import (
	"encoding/json"

	v1 "k8s.io/api/core/v1"
)

// Case is a recorded or generated question: a cluster and the pods to be scheduled.
type Case struct {
	ID       string            `json:"id"`
	Sampling bool              `json:"sampling"`
	Config   json.RawMessage   `json:"config"`
	Nodes    []*v1.Node        `json:"nodes"`
	Objects  []json.RawMessage `json:"objects"`
	Bound    []*v1.Pod         `json:"bound"`
	Pending  []*v1.Pod         `json:"pending"`
	Events   []Event           `json:"events"`
}

// Event changes the cluster just before a pending pod is tried.
type Event struct {
	Before int      `json:"before"`
	Op     string   `json:"op"`
	Name   string   `json:"name"`
	Node   *v1.Node `json:"node"`
	Pod    string   `json:"pod"`
}

// Answer is what came of the pending pods of a case, in their order.
type Answer struct {
	ID       string      `json:"id"`
	Expected []*Decision `json:"expected,omitempty"`
	Order    []int       `json:"order,omitempty"`
	Error    string      `json:"error,omitempty"`
}

// Decision is what came of one attempt at a pod.
type Decision struct {
	Pod               string                      `json:"pod"`
	Gated             bool                        `json:"gated,omitempty"`
	GatedMessage      string                      `json:"gatedMessage,omitempty"`
	Skipped           string                      `json:"skipped,omitempty"`
	Error             string                      `json:"error,omitempty"`
	Feasible          []string                    `json:"feasible"`
	Infeasible        map[string]Rejection        `json:"infeasible"`
	PreFilterMessage  string                      `json:"preFilterMessage,omitempty"`
	NominatedShortcut bool                        `json:"nominatedShortcut,omitempty"`
	Scores            map[string]map[string]int64 `json:"scores,omitempty"`
	Total             map[string]int64            `json:"total,omitempty"`
	Chosen            *string                     `json:"chosen"`
	ReserveError      string                      `json:"reserveError,omitempty"`
	Message           string                      `json:"message,omitempty"`
	PostFilterMessage string                      `json:"postFilterMessage,omitempty"`
	PostFilterError   bool                        `json:"postFilterError,omitempty"`
	Preemption        *Preemption                 `json:"preemption,omitempty"`
	Retry             *Decision                   `json:"retry,omitempty"`
	*Sample
}

// Sample is what an attempt that samples nodes leaves behind.
type Sample struct {
	Order       []int  `json:"order,omitempty"`
	Start       int    `json:"start"`
	Next        int    `json:"next"`
	Evaluated   int    `json:"evaluated"`
	NumFeasible int    `json:"numFeasible"`
	FeasibleIdx []int  `json:"feasibleIdx,omitempty"`
	MaxTotal    *int64 `json:"maxTotal,omitempty"`
	Argmax      []int  `json:"argmax,omitempty"`
}

// Rejection is the status of the first plugin that rejected a node.
type Rejection struct {
	Plugin  string   `json:"plugin"`
	Code    string   `json:"code"`
	Reasons []string `json:"reasons"`
}

// Preemption is the choice of victims, and what it was chosen from.
type Preemption struct {
	Nominated  string               `json:"nominated"`
	Victims    []string             `json:"victims"`
	Candidates map[string]Candidate `json:"candidates"`
	Tied       []string             `json:"tied"`
}

// Candidate is a node on which victims would make room.
type Candidate struct {
	Victims       []string `json:"victims"`
	PDBViolations int64    `json:"pdbViolations"`
}
