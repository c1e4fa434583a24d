package main

import (
	"context"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
)

const stalled = 30 * time.Second

// measureBinding times the whole scheduler, with its queue, its event handlers and its
// binding goroutines, on a client that answers at once. It ends when no pod was bound for
// long.
func measureBinding(workload *Workload, cfg *config.KubeSchedulerConfiguration, found *Measured) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, bound := answering()
	c, err := newScheduler(ctx, client, cfg)
	if err != nil {
		return err
	}
	for _, document := range workload.Objects {
		if err := c.put(document); err != nil {
			return err
		}
	}
	for _, node := range workload.Nodes {
		legacyscheme.Scheme.Default(node)
		if err := c.informers.put(node); err != nil {
			return err
		}
	}
	for _, pod := range workload.Bound {
		c.admit(pod)
		if err := c.informers.put(pod); err != nil {
			return err
		}
	}
	go c.sched.Run(ctx)
	err = timed(found, func() error { return c.submit(bound, workload.Pods) })
	found.Placed = int(bound.Load())
	return err
}

// answering returns a client that binds every pod at once, and counts them.
func answering() (*fake.Clientset, *atomic.Int64) {
	client, bound := fake.NewSimpleClientset(), &atomic.Int64{}
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "binding" {
			return false, nil, nil
		}
		bound.Add(1)
		return true, nil, nil
	})
	return client, bound
}

// submit lets pods come and waits until as many are bound, or none was for long.
func (c *cluster) submit(bound *atomic.Int64, pods []*v1.Pod) error {
	last, changed := bound.Load(), time.Now()
	wanted := last + int64(len(pods))
	for _, pod := range pods {
		c.admit(pod)
		if err := c.informers.put(pod); err != nil {
			return err
		}
	}
	for bound.Load() < wanted && time.Since(changed) < stalled {
		time.Sleep(time.Millisecond)
		if now := bound.Load(); now != last {
			last, changed = now, time.Now()
		}
	}
	return nil
}
