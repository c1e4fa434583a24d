//go:build !kubernetes_1_37

package main

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

const release = "v1.34.1"

type nominatingInfo = framework.NominatingInfo

const modeOverride = framework.ModeOverride

// recorders returns event recorders that record nothing.
func recorders(string) events.EventRecorder { return silent{} }

// spare keeps preemption from deleting victims by itself.
func spare(plugin *defaultpreemption.DefaultPreemption) {
	plugin.Evaluator.PreemptPod = func(
		context.Context, preemption.Candidate, *v1.Pod, *v1.Pod, string,
	) error {
		return nil
	}
}

func nodesOf(shot *cache.Snapshot) int { return shot.NumNodes() }

// schedulePod runs the scheduler's own algorithm on the snapshot as it is.
func schedulePod(
	ctx context.Context, sched *scheduler.Scheduler, profile framework.Framework, state fwk.CycleState, pod *v1.Pod,
) (scheduler.ScheduleResult, error) {
	return sched.SchedulePod(ctx, profile, state, pod)
}
