"""The nodes: kubelet, container runtime, network, kube-proxy.

What is modelled, by component, as its documentation promises it:

- kubelet: admission, init containers and sidecars, restart policy and back-off, limits
  (killed for memory, throttled for cpu), deadlines, eviction by memory, disk and
  process ids, status updates at the client's rate, static pods, graceful shutdown,
  crashes of process and machine. Not: inodes and minimum reclaim, managers of cpu,
  memory, devices and topology, resizing in place, swap, logs, postStart hooks,
  readiness gates, ephemeral containers, plug-ins of volumes (mounting takes a time).
- Probes: their periods and thresholds; exec, HTTP, TCP and gRPC alike. Not: grace
  periods of their own.
- Runtime: the calls of containerd, CRI-O and Docker as times. Not: runtime classes.
- Images: layers, bandwidth of node and registry, serial and parallel pulls, policies,
  garbage collection. Not: `registryPullQPS`, pull secrets.
- Network: addresses from the node's range, attaching. Not: network policies, traffic.
- kube-proxy: rules in rounds, by mode; choice of back-end; back-ends that leave. Not:
  session affinity, traffic policies, topology hints, node ports.
"""
