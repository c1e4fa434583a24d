package main

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
)

// decide schedules the pending pods of a case, one after the other.
func decide(question *Case) (Answer, error) {
	found := Answer{ID: question.ID}
	cfg, err := readConfig(question.Config, question.Sampling)
	if err != nil {
		return found, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := newCluster(ctx, cfg)
	if err != nil {
		return found, err
	}
	if err := c.fill(question); err != nil {
		return found, err
	}
	next := 0
	for i, pod := range question.Pending {
		changed := false
		for ; next < len(question.Events) && question.Events[next].Before <= i; next++ {
			changed = true
			if err := c.happen(question.Events[next]); err != nil {
				return found, fmt.Errorf("event %d: %w", next, err)
			}
		}
		decision, err := c.schedule(pod, question.Sampling, changed || i == 0)
		if err != nil {
			return found, fmt.Errorf("pod %s: %w", key(pod), err)
		}
		if i == 0 && decision.Sample != nil {
			found.Order = decision.Sample.Order
			if !changed {
				decision.Sample.Order = nil
			}
		}
		found.Expected = append(found.Expected, decision)
	}
	return found, nil
}

// fill builds the cluster in the order in which the scheduler learnt of it.
func (c *cluster) fill(question *Case) error {
	for _, document := range question.Objects {
		if err := c.put(document); err != nil {
			return err
		}
	}
	for _, node := range question.Nodes {
		c.addNode(node)
	}
	for _, event := range question.Events {
		if event.Node != nil {
			c.know(event.Node.Name)
		}
	}
	for _, pod := range question.Bound {
		if err := c.addBound(pod); err != nil {
			return err
		}
	}
	for _, pod := range question.Pending {
		if err := c.addPending(pod); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) happen(event Event) error {
	switch event.Op {
	case "removeNode":
		return c.removeNode(event.Name)
	case "addNode", "updateNode":
		c.addNode(event.Node)
		return nil
	case "deletePod":
		return c.removePod(event.Pod)
	}
	return fmt.Errorf("unknown op %q", event.Op)
}

// schedule tries a pod, unless it is held back, and once more if it made room.
func (c *cluster) schedule(pod *v1.Pod, sampling, changed bool) (*Decision, error) {
	decision := &Decision{Pod: key(pod), Feasible: []string{}, Infeasible: map[string]Rejection{}}
	profile := c.sched.Profiles[pod.Spec.SchedulerName]
	if profile == nil {
		decision.Skipped = "no profile " + pod.Spec.SchedulerName
		return decision, nil
	}
	for _, plugin := range profile.PreEnqueuePlugins() {
		if status := plugin.PreEnqueue(c.ctx, pod); !status.IsSuccess() {
			decision.Gated, decision.GatedMessage = true, status.Message()
			return decision, nil
		}
	}
	if pod.DeletionTimestamp != nil {
		decision.Skipped = "deleting"
		return decision, nil
	}
	try := &attempt{cluster: c, profile: profile, pod: pod, decision: decision}
	if sampling {
		return decision, try.sample(changed)
	}
	if err := try.run(); err != nil || decision.Preemption == nil {
		return decision, err
	}
	if err := c.makeRoom(pod, decision.Preemption); err != nil {
		return decision, err
	}
	decision.Retry = &Decision{Pod: key(pod), Feasible: []string{}, Infeasible: map[string]Rejection{}}
	again := &attempt{cluster: c, profile: profile, pod: pod, decision: decision.Retry}
	return decision, again.run()
}
