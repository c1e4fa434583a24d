package main

import (
	"slices"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// nominator knows which waiting pods are meant for which node, in order of nomination.
// The scheduler's own looks the pods up in its queue, which a case does not use.
type nominator struct {
	lock sync.Mutex
	pods map[string][]fwk.PodInfo
}

func newNominator() *nominator {
	return &nominator{pods: map[string][]fwk.PodInfo{}}
}

func (n *nominator) AddNominatedPod(
	_ klog.Logger, info fwk.PodInfo, how *nominatingInfo,
) {
	node := info.GetPod().Status.NominatedNodeName
	if how.Mode() == modeOverride {
		node = how.NominatedNodeName
	}
	n.DeleteNominatedPodIfExists(info.GetPod())
	if node != "" {
		n.lock.Lock()
		defer n.lock.Unlock()
		n.pods[node] = append(n.pods[node], info)
	}
}

func (n *nominator) DeleteNominatedPodIfExists(pod *v1.Pod) {
	n.lock.Lock()
	defer n.lock.Unlock()
	for node, pods := range n.pods {
		n.pods[node] = slices.DeleteFunc(pods, func(one fwk.PodInfo) bool {
			return one.GetPod().UID == pod.UID
		})
	}
}

func (n *nominator) UpdateNominatedPod(
	logger klog.Logger, old *v1.Pod, info fwk.PodInfo,
) {
	n.DeleteNominatedPodIfExists(old)
	n.AddNominatedPod(logger, info, nil)
}

func (n *nominator) NominatedPodsForNode(node string) []fwk.PodInfo {
	n.lock.Lock()
	defer n.lock.Unlock()
	return slices.Clone(n.pods[node])
}
