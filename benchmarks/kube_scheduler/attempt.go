package main

import (
	"errors"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// attempt is one scheduling cycle of the real framework, taken step by step so that each
// verdict and score can be told. The scheduler's own SchedulePod is run from the same
// state, and has to agree.
type attempt struct {
	*cluster
	profile  framework.Framework
	pod      *v1.Pod
	decision *Decision

	shot      *cache.Snapshot
	state     fwk.CycleState
	diagnosis framework.Diagnosis
	feasible  []fwk.NodeInfo
	totals    map[string]int64
}

// errNoFit says that no node passed; what is to be told stands in the diagnosis.
var errNoFit = errors.New("no node fits")

// run scores all nodes that pass, places the pod, or finds out who would have to go.
func (a *attempt) run() error {
	err := a.filter(a.everywhere)
	switch {
	case errors.Is(err, errNoFit):
		a.tell()
		return a.postFilter()
	case err != nil:
		a.decision.Error = err.Error()
		return a.nominate(a.pod, "")
	}
	for _, node := range a.feasible {
		a.decision.Feasible = append(a.decision.Feasible, node.Node().Name)
	}
	a.inCaseOrder(a.decision.Feasible)
	if !a.decision.NominatedShortcut {
		a.tell()
	}
	if err := a.score(); err != nil {
		return err
	}
	if err := a.agrees(); err != nil {
		return err
	}
	return a.reserve()
}

// filter runs PreFilter, tries the nominated node, and lets walk look at the others.
func (a *attempt) filter(walk func([]fwk.NodeInfo) error) error {
	shot, err := a.snapshot(a.profile)
	if err != nil {
		return err
	}
	if nodesOf(shot) == 0 {
		return scheduler.ErrNoNodesAvailable
	}
	nodes, err := shot.NodeInfos().List()
	if err != nil {
		return err
	}
	a.shot, a.state = shot, framework.NewCycleState()
	a.diagnosis = framework.Diagnosis{NodeToStatus: framework.NewDefaultNodeToStatus()}
	narrowed, status, by := a.profile.RunPreFilterPlugins(a.ctx, a.state, a.pod)
	a.diagnosis.UnschedulablePlugins = by
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return status.AsError()
		}
		a.diagnosis.NodeToStatus.SetAbsentNodesStatus(status)
		a.diagnosis.PreFilterMsg = status.Message()
		a.decision.PreFilterMessage = status.Message()
		return errNoFit
	}
	if found, err := a.nominated(); found || err != nil {
		return err
	}
	if !narrowed.AllNodes() {
		nodes = a.named(nodes, narrowed.NodeNames)
		reason := fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sets.List(by))
		a.diagnosis.NodeToStatus.SetAbsentNodesStatus(
			fwk.NewStatus(fwk.UnschedulableAndUnresolvable, reason),
		)
	}
	if err := walk(nodes); err != nil {
		return err
	}
	if len(a.feasible) == 0 {
		return errNoFit
	}
	return nil
}

// nominated looks at the nominated node alone; it is taken if it passes.
func (a *attempt) nominated() (bool, error) {
	name := a.pod.Status.NominatedNodeName
	if name == "" {
		return false, nil
	}
	node, err := a.shot.Get(name)
	if err != nil {
		return false, nil
	}
	status := a.profile.RunFilterPluginsWithNominatedPods(a.ctx, a.state, a.pod, node)
	if !status.IsSuccess() {
		return false, nil
	}
	a.feasible = []fwk.NodeInfo{node}
	a.decision.NominatedShortcut = nodesOf(a.shot) > 1
	return true, nil
}

func (a *attempt) named(nodes []fwk.NodeInfo, names sets.Set[string]) []fwk.NodeInfo {
	return slices.DeleteFunc(slices.Clone(nodes), func(node fwk.NodeInfo) bool {
		return !names.Has(node.Node().Name)
	})
}

// everywhere looks at all nodes.
func (a *attempt) everywhere(nodes []fwk.NodeInfo) error {
	for _, node := range nodes {
		if _, err := a.passes(node); err != nil {
			return err
		}
	}
	return nil
}

// passes notes what the filters say of a node.
func (a *attempt) passes(node fwk.NodeInfo) (bool, error) {
	status := a.profile.RunFilterPluginsWithNominatedPods(a.ctx, a.state, a.pod, node)
	if status.Code() == fwk.Error {
		return false, status.AsError()
	}
	if status.IsSuccess() {
		a.feasible = append(a.feasible, node)
		return true, nil
	}
	a.diagnosis.NodeToStatus.Set(node.Node().Name, status)
	a.diagnosis.AddPluginStatus(status)
	return false, nil
}

// tell writes down why each node that did not pass was rejected.
func (a *attempt) tell() {
	passed := map[string]bool{}
	for _, node := range a.feasible {
		passed[node.Node().Name] = true
	}
	for name := range a.nodes {
		if passed[name] {
			continue
		}
		status := a.diagnosis.NodeToStatus.Get(name)
		reasons := slices.Sorted(slices.Values(status.Reasons()))
		a.decision.Infeasible[name] = Rejection{status.Plugin(), status.Code().String(), reasons}
	}
}

// score scores the nodes that passed if there are several, and chooses one.
func (a *attempt) score() error {
	a.totals = map[string]int64{}
	if len(a.feasible) == 1 {
		name := a.feasible[0].Node().Name
		a.decision.Chosen = &name
		return nil
	}
	if !a.profile.HasScorePlugins() {
		for _, node := range a.feasible {
			a.totals[node.Node().Name] = 1
		}
	} else if err := a.runScores(); err != nil {
		return err
	}
	best := a.best()[0]
	a.decision.Chosen = &best
	return nil
}

func (a *attempt) runScores() error {
	status := a.profile.RunPreScorePlugins(a.ctx, a.state, a.pod, a.feasible)
	if !status.IsSuccess() {
		return status.AsError()
	}
	found, status := a.profile.RunScorePlugins(a.ctx, a.state, a.pod, a.feasible)
	if !status.IsSuccess() {
		return status.AsError()
	}
	a.decision.Scores = map[string]map[string]int64{}
	for _, node := range found {
		a.totals[node.Name] = node.TotalScore
		for _, one := range node.Scores {
			if a.decision.Scores[one.Name] == nil {
				a.decision.Scores[one.Name] = map[string]int64{}
			}
			a.decision.Scores[one.Name][node.Name] = one.Score
		}
	}
	a.decision.Total = a.totals
	return nil
}

// best returns the nodes of greatest total, in case order.
func (a *attempt) best() []string {
	var best []string
	for name, total := range a.totals {
		if len(best) > 0 && total < a.totals[best[0]] {
			continue
		}
		if len(best) > 0 && total > a.totals[best[0]] {
			best = nil
		}
		best = append(best, name)
	}
	a.inCaseOrder(best)
	return best
}

func (c *cluster) inCaseOrder(names []string) {
	slices.SortFunc(names, func(one, other string) int { return c.index[one] - c.index[other] })
}

// agrees holds the choice against that of the scheduler's own algorithm.
func (a *attempt) agrees() error {
	result, err := schedulePod(a.ctx, a.sched, a.profile, framework.NewCycleState(), a.pod)
	if err != nil {
		return fmt.Errorf("SchedulePod: %w", err)
	}
	if !a.profile.HasScorePlugins() {
		return nil // then it takes the first node that it finds
	}
	evaluated := len(a.feasible) + a.diagnosis.NodeToStatus.Len()
	if result.FeasibleNodes != len(a.feasible) || result.EvaluatedNodes != evaluated {
		return fmt.Errorf(
			"SchedulePod finds %d of %d nodes feasible, the record %d of %d",
			result.FeasibleNodes, result.EvaluatedNodes, len(a.feasible), evaluated,
		)
	}
	if len(a.totals) > 0 && !slices.Contains(a.best(), result.SuggestedHost) {
		return fmt.Errorf("SchedulePod chooses %s, none of %v", result.SuggestedHost, a.best())
	}
	return nil
}

// reserve lets the pod come to the chosen node; if Reserve fails it waits on.
func (a *attempt) reserve() error {
	there, err := a.place(a.pod, *a.decision.Chosen)
	if err != nil {
		return err
	}
	status := a.profile.RunReservePluginsReserve(a.ctx, a.state, there, there.Spec.NodeName)
	if status.IsSuccess() {
		a.placed++
		a.there[key(a.pod)] = there
		a.nominator.DeleteNominatedPodIfExists(a.pod)
		return nil
	}
	a.profile.RunReservePluginsUnreserve(a.ctx, a.state, there, there.Spec.NodeName)
	a.decision.ReserveError = status.Message()
	if err := a.sched.Cache.ForgetPod(a.logger, there); err != nil {
		return err
	}
	return a.nominate(a.pod, "")
}
