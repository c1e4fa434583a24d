package main

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// priorities are the priority classes of a case, by name.
type priorities map[string]*schedulingv1.PriorityClass

// admit does to a pod what the API server's Priority admission and its defaulting of
// matchLabelKeys do; scheme defaults were set before.
//
// Sources: Kubernetes documentation, "Pod Priority and Preemption" and "Assigning Pods
// to Nodes" (matchLabelKeys, mismatchLabelKeys).
func (p priorities) admit(pod *v1.Pod) {
	if pod.UID == "" {
		pod.UID = types.UID(pod.Namespace + "/" + pod.Name)
	}
	if pod.Spec.Priority == nil {
		p.prioritize(pod)
	}
	if affinity := pod.Spec.Affinity; affinity != nil {
		if some := affinity.PodAffinity; some != nil {
			merge(pod, some.RequiredDuringSchedulingIgnoredDuringExecution, some.PreferredDuringSchedulingIgnoredDuringExecution)
		}
		if some := affinity.PodAntiAffinity; some != nil {
			merge(pod, some.RequiredDuringSchedulingIgnoredDuringExecution, some.PreferredDuringSchedulingIgnoredDuringExecution)
		}
	}
}

func (p priorities) prioritize(pod *v1.Pod) {
	class := p[pod.Spec.PriorityClassName]
	if pod.Spec.PriorityClassName == "" {
		for _, one := range p {
			if one.GlobalDefault && (class == nil || one.Value < class.Value) {
				class = one
			}
		}
	}
	value := int32(0)
	if class != nil {
		value = class.Value
		if pod.Spec.PreemptionPolicy == nil {
			pod.Spec.PreemptionPolicy = class.PreemptionPolicy
		}
	}
	pod.Spec.Priority = &value
}

func merge(pod *v1.Pod, required []v1.PodAffinityTerm, preferred []v1.WeightedPodAffinityTerm) {
	for i := range required {
		mergeKeys(pod, &required[i])
	}
	for i := range preferred {
		mergeKeys(pod, &preferred[i].PodAffinityTerm)
	}
}

// mergeKeys makes requirements of a term's label keys and the pod's own values.
func mergeKeys(pod *v1.Pod, term *v1.PodAffinityTerm) {
	if term.LabelSelector == nil {
		return
	}
	selector := term.LabelSelector
	add := func(keys []string, operator metav1.LabelSelectorOperator) {
		for _, key := range keys {
			value, ok := pod.Labels[key]
			if !ok {
				continue
			}
			selector.MatchExpressions = append(
				slices.Clip(selector.MatchExpressions),
				metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: []string{value}},
			)
		}
	}
	add(term.MatchLabelKeys, metav1.LabelSelectorOpIn)
	add(term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn)
}
