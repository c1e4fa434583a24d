package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// Workload is what is measured: a cluster, the pods on its nodes, and the pods that count.
type Workload struct {
	Nodes   []*v1.Node        `json:"nodes"`
	Objects []json.RawMessage `json:"objects"`
	Bound   []*v1.Pod         `json:"bound"`
	Pods    []*v1.Pod         `json:"pods"`
}

// Measured is what it took to decide, or to decide and bind, the pods that count.
type Measured struct {
	Kubernetes string  `json:"kubernetes"`
	Go         string  `json:"go"`
	Procs      int     `json:"gomaxprocs"`
	Mode       string  `json:"mode"`
	Percentage int32   `json:"percentageOfNodesToScore"`
	Pods       int     `json:"pods"`
	Placed     int     `json:"placed"`
	Wall       float64 `json:"wallSeconds"`
	CPU        float64 `json:"cpuSeconds"`
}

var modes = map[string]func(*Workload, *config.KubeSchedulerConfiguration, *Measured) error{
	"algorithm": measureAlgorithm,
	"binding":   measureBinding,
}

// measure tells how fast the real scheduler is on a workload.
func measure(arguments []string) error {
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	file := flags.String("workload", "", "file of the workload, JSON")
	mode := flags.String("mode", "algorithm", "algorithm, or binding: with queue, fake client and binding")
	percentage := flags.Int("percentage", 0, "percentageOfNodesToScore; 0 = adaptive sampling, 100 = all nodes")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if modes[*mode] == nil {
		return fmt.Errorf("unknown mode %q: algorithm or binding", *mode)
	}
	content, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var workload Workload
	if err := json.Unmarshal(content, &workload); err != nil {
		return err
	}
	cfg, err := readConfig(nil, true)
	if err != nil {
		return err
	}
	wanted := int32(*percentage)
	cfg.PercentageOfNodesToScore, cfg.Parallelism = &wanted, upstreamParallelism
	found := &Measured{
		Kubernetes: release, Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0),
		Mode: *mode, Percentage: wanted, Pods: len(workload.Pods),
	}
	if err := modes[*mode](&workload, cfg, found); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// upstreamParallelism is the default of KubeSchedulerConfiguration.
const upstreamParallelism = 16

// measureAlgorithm times snapshot, SchedulePod, Reserve and the assumption in the cache.
func measureAlgorithm(workload *Workload, cfg *config.KubeSchedulerConfiguration, found *Measured) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := newCluster(ctx, cfg)
	if err != nil {
		return err
	}
	question := &Case{
		Nodes: workload.Nodes, Objects: workload.Objects, Bound: workload.Bound, Pending: workload.Pods,
	}
	if err := c.fill(question); err != nil {
		return err
	}
	return timed(found, func() error {
		for _, pod := range workload.Pods {
			placed, err := c.scheduleOne(pod)
			if err != nil {
				return err
			}
			if placed {
				found.Placed++
			}
		}
		return nil
	})
}

// scheduleOne runs the scheduling cycle of a pod up to Reserve; no node is no error.
func (c *cluster) scheduleOne(pod *v1.Pod) (bool, error) {
	profile := c.sched.Profiles[pod.Spec.SchedulerName]
	if profile == nil {
		return false, fmt.Errorf("no profile %s", pod.Spec.SchedulerName)
	}
	if _, err := c.snapshot(profile); err != nil {
		return false, err
	}
	state := framework.NewCycleState()
	result, err := schedulePod(c.ctx, c.sched, profile, state, pod)
	var failed *framework.FitError
	if errors.As(err, &failed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	there, err := c.place(pod, result.SuggestedHost)
	if err != nil {
		return false, err
	}
	c.placed++
	return true, profile.RunReservePluginsReserve(c.ctx, state, there, result.SuggestedHost).AsError()
}

// timed notes wall and CPU seconds of this process.
func timed(found *Measured, work func() error) error {
	runtime.GC()
	cpu, wall := cpuSeconds(), time.Now()
	err := work()
	found.Wall, found.CPU = time.Since(wall).Seconds(), cpuSeconds()-cpu
	return err
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
