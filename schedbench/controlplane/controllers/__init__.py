"""The controllers of kube-controller-manager, one file each.

Modelled: node lifecycle, taint eviction, ReplicationController, ReplicaSet, Deployment,
StatefulSet, DaemonSet, Job, CronJob, TTL after finished, Endpoints, EndpointSlice,
ServiceAccount, Namespace, garbage collection, pod garbage collection, disruption,
HorizontalPodAutoscaler (resource metrics), ResourceQuota.

Not modelled: of Jobs success and failure policies, limits per index, replacement
policy; of StatefulSets retention policies of claims and `maxUnavailable`; of
DaemonSets `maxSurge`; of autoscalers other metrics than those of resources, and
conditions; of services topology hints and dual stack; of nodes the out-of-service
taint; EndpointSlice mirroring; volumes' attachment and provisioning; certificates,
tokens, routes.
"""
