package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	configscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
)

const allNodes = int32(100)

// epoch is when the first placed pod of a case starts; each further one a second later.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// cluster is a real scheduler whose cache and informers are filled by hand.
type cluster struct {
	ctx        context.Context
	logger     klog.Logger
	cfg        *config.KubeSchedulerConfiguration
	sched      *scheduler.Scheduler
	informers  *stillInformers
	nominator  *nominator
	priorities priorities
	nodes      map[string]*v1.Node
	there      map[string]*v1.Pod // placed pods, by namespace/name
	index      map[string]int     // name of a node → its number in case order
	names      []string
	placed     int
	start      int // where the next sample begins
}

// readConfig returns the configuration of a case; all nodes are scored unless it samples.
func readConfig(document json.RawMessage, sampling bool) (*config.KubeSchedulerConfiguration, error) {
	cfg, err := latest.Default()
	if err != nil {
		return nil, err
	}
	if len(document) > 0 && string(document) != "null" {
		decoded, _, err := configscheme.Codecs.UniversalDecoder().Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
		read, ok := decoded.(*config.KubeSchedulerConfiguration)
		if !ok {
			return nil, fmt.Errorf("config: a %T, not a KubeSchedulerConfiguration", decoded)
		}
		cfg = read
	}
	cfg.Parallelism = 1
	if !sampling {
		percentage := allNodes
		cfg.PercentageOfNodesToScore = &percentage
		for i := range cfg.Profiles {
			cfg.Profiles[i].PercentageOfNodesToScore = nil
		}
	}
	return cfg, nil
}

// newScheduler returns a real scheduler that nothing runs yet.
func newScheduler(
	ctx context.Context, client kubernetes.Interface, cfg *config.KubeSchedulerConfiguration,
) (*cluster, error) {
	still := newStillInformers(client)
	sched, err := scheduler.New(
		ctx, client, still, nil, recorders,
		scheduler.WithComponentConfigVersion(cfg.TypeMeta.APIVersion),
		scheduler.WithProfiles(cfg.Profiles...),
		scheduler.WithPercentageOfNodesToScore(cfg.PercentageOfNodesToScore),
		scheduler.WithParallelism(cfg.Parallelism),
		scheduler.WithExtenders(cfg.Extenders...),
	)
	if err != nil {
		return nil, err
	}
	return &cluster{
		ctx: ctx, logger: klog.FromContext(ctx), cfg: cfg, sched: sched, informers: still,
		nominator: newNominator(), priorities: priorities{},
		nodes: map[string]*v1.Node{}, there: map[string]*v1.Pod{}, index: map[string]int{},
	}, nil
}

// newCluster returns a scheduler that is asked pod by pod, without its queue.
func newCluster(ctx context.Context, cfg *config.KubeSchedulerConfiguration) (*cluster, error) {
	c, err := newScheduler(ctx, fake.NewSimpleClientset(), cfg)
	if err != nil {
		return nil, err
	}
	for _, each := range c.sched.Profiles {
		each.SetPodNominator(c.nominator)
		if plugin := preempting(each); plugin != nil {
			spare(plugin)
		}
	}
	return c, nil
}

// silent records no events.
type silent struct{}

func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...interface{}) {
}

// preempting returns a profile's DefaultPreemption, or nil.
func preempting(f framework.Framework) *defaultpreemption.DefaultPreemption {
	for _, plugin := range f.PreEnqueuePlugins() {
		if found, ok := plugin.(*defaultpreemption.DefaultPreemption); ok {
			return found
		}
	}
	return nil
}

// put adds an API object other than nodes and pods.
func (c *cluster) put(document json.RawMessage) error {
	decoded, _, err := clientscheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
	if err != nil {
		return err
	}
	legacyscheme.Scheme.Default(decoded)
	if class, ok := decoded.(*schedulingv1.PriorityClass); ok {
		c.priorities[class.Name] = class
	}
	object, err := meta.Accessor(decoded)
	if err != nil {
		return err
	}
	if object.GetResourceVersion() == "" {
		object.SetResourceVersion("1")
	}
	return c.informers.put(decoded)
}

// know gives a node its number in case order.
func (c *cluster) know(name string) {
	if _, ok := c.index[name]; !ok {
		c.index[name] = len(c.names)
		c.names = append(c.names, name)
	}
}

func (c *cluster) addNode(node *v1.Node) {
	legacyscheme.Scheme.Default(node)
	c.know(node.Name)
	if before := c.nodes[node.Name]; before != nil {
		c.sched.Cache.UpdateNode(c.logger, before, node)
	} else {
		c.sched.Cache.AddNode(c.logger, node)
	}
	c.nodes[node.Name] = node
}

func (c *cluster) removeNode(name string) error {
	node := c.nodes[name]
	if node == nil {
		return nil
	}
	delete(c.nodes, name)
	return c.sched.Cache.RemoveNode(c.logger, node)
}

// admit prepares a pod as the API server would.
func (c *cluster) admit(pod *v1.Pod) {
	legacyscheme.Scheme.Default(pod)
	c.priorities.admit(pod)
}

func (c *cluster) addBound(pod *v1.Pod) error {
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		return nil
	}
	c.admit(pod)
	c.there[key(pod)] = pod
	return c.sched.Cache.AddPod(c.logger, pod)
}

func (c *cluster) removePod(name string) error {
	pod := c.there[name]
	if pod == nil {
		return nil
	}
	delete(c.there, name)
	return c.sched.Cache.RemovePod(c.logger, pod)
}

// addPending lets a pod wait; one that comes nominated counts as such from the start.
func (c *cluster) addPending(pod *v1.Pod) error {
	c.admit(pod)
	return c.nominate(pod, pod.Status.NominatedNodeName)
}

// nominate sets, or clears, the node that a waiting pod is meant for.
func (c *cluster) nominate(pod *v1.Pod, node string) error {
	pod.Status.NominatedNodeName = node
	if err := c.informers.Core().V1().Pods().Informer().GetIndexer().Add(pod); err != nil {
		return err
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil && info == nil {
		return err
	}
	c.nominator.AddNominatedPod(c.logger, info, nil)
	return nil
}

func (c *cluster) snapshot(f framework.Framework) (*cache.Snapshot, error) {
	shared, ok := f.SnapshotSharedLister().(*cache.Snapshot)
	if !ok {
		return nil, fmt.Errorf("the snapshot is a %T", f.SnapshotSharedLister())
	}
	return shared, c.sched.Cache.UpdateSnapshot(c.logger, shared)
}

// place lets the cache assume a pod on a node, and returns it as it is there.
func (c *cluster) place(pod *v1.Pod, node string) (*v1.Pod, error) {
	there := pod.DeepCopy()
	there.Spec.NodeName = node
	started := metav1.NewTime(epoch.Add(time.Duration(c.placed) * time.Second))
	there.Status.StartTime = &started
	if err := c.sched.Cache.AssumePod(c.logger, there); err != nil {
		return nil, err
	}
	return there, nil
}

func key(pod *v1.Pod) string { return pod.Namespace + "/" + pod.Name }
