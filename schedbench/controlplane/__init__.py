"""The control plane: etcd, API server, scheduler, controllers, on a virtual clock.

What is modelled, by component, as its documentation promises it:

- etcd: revisions, ranges, transactions, watches from a revision, compaction, leases,
  quota, snapshots; Raft with elections, members that fail, hang or are cut off.
  Not: membership changes, learners, authentication, backend fragmentation.
- API server: all verbs, bind and eviction; optimistic concurrency, finalizers, graceful
  deletion, owner references; RBAC and the node authorizer; admission in order;
  replicas, priority and fairness with fixed seats, watch cache. Not: seats lent between
  levels or wider than one, webhooks, chunked lists, bookmarks, server-side apply, dry
  runs, propagation policies (their finalizers are), PodSecurity, quotas' other classes.
- Admission: a priority or a service account that a pod brings is kept, not checked.
- Scheduler: queue, cycle with costs, binding, assumed pods, preemption, leader
  election, several by name. Not: extenders, calls that plugins make of their own.
- Controllers (`controllers/`): see there.
- Cluster autoscaler: pools, the expanders least-waste, most-pods and random, scale-down
  by utilization. Not: other expanders, balancing of similar pools, provisioning
  requests.

No events (the objects) are written, and no tokens, config maps or secrets.
"""
