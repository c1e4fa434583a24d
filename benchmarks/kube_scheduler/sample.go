package main

import (
	"errors"
	"slices"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

const (
	leastNodes      = 100
	leastPercentage = 5
)

// sample places a pod among the nodes that adaptive sampling finds; nobody makes room.
func (a *attempt) sample(changed bool) error {
	a.decision.Feasible, a.decision.Infeasible = nil, nil
	begin := a.start
	err := a.filter(a.round)
	if a.shot != nil {
		a.decision.Sample = a.left(begin, changed)
	}
	switch {
	case errors.Is(err, errNoFit):
		failed := &framework.FitError{Pod: a.pod, NumAllNodes: nodesOf(a.shot), Diagnosis: a.diagnosis}
		a.decision.Message = failed.Error()
		return a.inStep()
	case err != nil:
		a.decision.Error = err.Error()
		return nil
	}
	if err := a.score(); err != nil {
		return err
	}
	if err := a.agrees(); err != nil {
		return err
	}
	a.decision.Scores, a.decision.Total = nil, nil
	if len(a.totals) > 0 {
		best := a.best()
		total := a.totals[best[0]]
		a.decision.MaxTotal = &total
		for _, name := range best {
			a.decision.Argmax = append(a.decision.Argmax, a.index[name])
		}
	}
	return a.reserve()
}

// inStep lets the scheduler's own start of the next sample move as well.
func (a *attempt) inStep() error {
	_, err := schedulePod(a.ctx, a.sched, a.profile, framework.NewCycleState(), a.pod)
	var failed *framework.FitError
	if !errors.As(err, &failed) {
		return errors.New("SchedulePod finds a node where the record finds none")
	}
	return nil
}

// left returns where the sample began and ended, and what it found.
func (a *attempt) left(begin int, changed bool) *Sample {
	found := &Sample{Start: begin, Next: a.start, NumFeasible: len(a.feasible)}
	found.Evaluated = len(a.feasible) + a.diagnosis.NodeToStatus.Len()
	for _, node := range a.feasible {
		found.FeasibleIdx = append(found.FeasibleIdx, a.index[node.Node().Name])
	}
	slices.Sort(found.FeasibleIdx)
	if nodes, err := a.shot.NodeInfos().List(); err == nil && changed {
		for _, node := range nodes {
			found.Order = append(found.Order, a.index[node.Node().Name])
		}
	}
	return found
}

// round looks at nodes from the start on, until one more passes than are wanted.
func (a *attempt) round(nodes []fwk.NodeInfo) error {
	wanted := a.wanted(len(nodes))
	for i := range nodes {
		passed, err := a.passes(nodes[(a.start+i)%len(nodes)])
		if err != nil {
			return err
		}
		if passed && len(a.feasible) > wanted {
			a.feasible = a.feasible[:wanted]
			break
		}
	}
	seen := len(a.feasible) + a.diagnosis.NodeToStatus.Len()
	a.start = (a.start + seen) % nodesOf(a.shot)
	return nil
}

// wanted returns how many nodes that pass are enough.
//
// Source: Kubernetes documentation, "Scheduler Performance Tuning".
func (a *attempt) wanted(nodes int) int {
	if nodes < leastNodes {
		return nodes
	}
	percentage := 0
	if a.cfg.PercentageOfNodesToScore != nil {
		percentage = int(*a.cfg.PercentageOfNodesToScore)
	}
	if own := a.profile.PercentageOfNodesToScore(); own != nil {
		percentage = int(*own)
	}
	if percentage == 0 {
		percentage = max(50-nodes/125, leastPercentage)
	}
	return max(nodes*percentage/100, leastNodes)
}
