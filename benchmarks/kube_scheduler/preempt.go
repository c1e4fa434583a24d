package main

import (
	"fmt"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/util"
)

// postFilter runs PostFilter for a pod that fits nowhere and tells what it found.
func (a *attempt) postFilter() error {
	failed := &framework.FitError{Pod: a.pod, NumAllNodes: nodesOf(a.shot), Diagnosis: a.diagnosis}
	if !a.profile.HasPostFilterPlugins() {
		a.decision.Message = failed.Error()
		return nil
	}
	result, status := a.profile.RunPostFilterPlugins(a.ctx, a.state, a.pod, a.diagnosis.NodeToStatus)
	failed.Diagnosis.PostFilterMsg = status.Message()
	a.decision.Message = failed.Error()
	a.decision.PostFilterMessage = status.Message()
	a.decision.PostFilterError = status.Code() == fwk.Error
	if result == nil || result.NominatingInfo.Mode() != modeOverride {
		return nil
	}
	if result.NominatedNodeName == "" {
		return a.nominate(a.pod, "")
	}
	return a.tellPreemption(result.NominatedNodeName)
}

// tellPreemption writes down all candidates; the real choice must be among the tied.
func (a *attempt) tellPreemption(chosen string) error {
	candidates, err := a.candidates()
	if err != nil {
		return err
	}
	found := &Preemption{Candidates: map[string]Candidate{}, Tied: tied(candidates)}
	for name, victims := range candidates {
		found.Candidates[name] = Candidate{names(victims.Pods), victims.NumPDBViolations}
	}
	if !slices.Contains(found.Tied, chosen) {
		return fmt.Errorf("preemption chooses %s, none of %v", chosen, found.Tied)
	}
	a.inCaseOrder(found.Tied)
	found.Nominated = found.Tied[0]
	found.Victims = found.Candidates[found.Nominated].Victims
	a.decision.Preemption = found
	return nil
}

// candidates returns whom each node would lose, by name of the node.
func (a *attempt) candidates() (map[string]*extenderv1.Victims, error) {
	plugin := preempting(a.profile)
	if plugin == nil {
		return nil, fmt.Errorf("a nomination without DefaultPreemption")
	}
	nodes, err := a.diagnosis.NodeToStatus.NodesForStatusCode(a.shot.NodeInfos(), fwk.Unschedulable)
	if err != nil {
		return nil, err
	}
	budgets, err := a.informers.Policy().V1().PodDisruptionBudgets().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	many := int32(len(nodes))
	found, _, err := plugin.Evaluator.DryRunPreemption(a.ctx, a.state, a.pod, nodes, budgets, 0, many)
	if err != nil {
		return nil, err
	}
	victims := map[string]*extenderv1.Victims{}
	for _, one := range found {
		victims[one.Name()] = one.Victims()
	}
	return victims, nil
}

// tied returns the candidates that the rules for choosing one leave over: fewest budgets
// violated, lowest highest priority, smallest sum of priorities, fewest victims, latest
// start of the earliest of the highest.
//
// Source: Kubernetes documentation, "Pod Priority and Preemption"; the order of the rules
// is that of pickOneNodeForPreemption in pkg/scheduler/framework/preemption.
func tied(candidates map[string]*extenderv1.Victims) []string {
	left := make([]string, 0, len(candidates))
	for name := range candidates {
		left = append(left, name)
	}
	for _, rule := range []func(*extenderv1.Victims) int64{
		func(one *extenderv1.Victims) int64 { return -one.NumPDBViolations },
		func(one *extenderv1.Victims) int64 { return -int64(corev1helpers.PodPriority(one.Pods[0])) },
		func(one *extenderv1.Victims) (sum int64) {
			for _, pod := range one.Pods {
				sum -= int64(corev1helpers.PodPriority(pod)) + math.MaxInt32 + 1
			}
			return sum
		},
		func(one *extenderv1.Victims) int64 { return -int64(len(one.Pods)) },
		func(one *extenderv1.Victims) int64 { return util.GetEarliestPodStartTime(one).UnixNano() },
	} {
		best := int64(math.MinInt64)
		for _, name := range left {
			best = max(best, rule(candidates[name]))
		}
		left = slices.DeleteFunc(left, func(name string) bool { return rule(candidates[name]) < best })
	}
	return left
}

// makeRoom deletes the victims at once and nominates the pod to their node.
func (c *cluster) makeRoom(pod *v1.Pod, found *Preemption) error {
	for _, victim := range found.Victims {
		if err := c.removePod(victim); err != nil {
			return err
		}
	}
	for _, other := range c.nominator.NominatedPodsForNode(found.Nominated) {
		if corev1helpers.PodPriority(other.GetPod()) < corev1helpers.PodPriority(pod) {
			if err := c.nominate(other.GetPod(), ""); err != nil {
				return err
			}
		}
	}
	return c.nominate(pod, found.Nominated)
}

func names(pods []*v1.Pod) []string {
	found := make([]string, 0, len(pods))
	for _, pod := range pods {
		found = append(found, key(pod))
	}
	slices.Sort(found)
	return found
}
