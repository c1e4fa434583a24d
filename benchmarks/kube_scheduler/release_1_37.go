//go:build kubernetes_1_37

package main

import (
	"context"

	v1 "k8s.io/api/core/v1"
	clientcache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

const release = "v1.37.2"

type nominatingInfo = fwk.NominatingInfo

const modeOverride = fwk.ModeOverride

// recorders returns event recorders that record nothing.
func recorders(string) events.EventRecorderLogger { return silent{} }

func (s silent) WithLogger(klog.Logger) events.EventRecorderLogger { return s }

// spare keeps preemption from deleting victims by itself.
func spare(plugin *defaultpreemption.DefaultPreemption) {
	plugin.Executor.PreemptPod = func(
		context.Context, preemption.Candidate, preemption.ExecutorPreemptor, *v1.Pod, string,
	) (bool, error) {
		return false, nil
	}
}

func nodesOf(shot *cache.Snapshot) int { return shot.NumNodesInPlacement() }

// schedulePod runs the scheduler's own algorithm on the snapshot as it is.
func schedulePod(
	ctx context.Context, sched *scheduler.Scheduler, profile framework.Framework, state fwk.CycleState, pod *v1.Pod,
) (scheduler.ScheduleResult, error) {
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		return scheduler.ScheduleResult{}, err
	}
	queued := &framework.QueuedPodInfo{PodInfo: info}
	return sched.SchedulePod(ctx, profile, state, queued)
}

func (synced) HasSyncedChecker() clientcache.DoneChecker         { return synced{} }
func (*stillInformer) HasSyncedChecker() clientcache.DoneChecker { return synced{} }
func (synced) Name() string                                      { return "filled by hand" }

func (synced) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}
