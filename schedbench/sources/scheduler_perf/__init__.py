"""scheduler_perf configurations, the Kubernetes performance suite, read unchanged.

A configuration holds cases (op templates) and their workloads (parameters, thresholds);
object templates are Go templates. What a workload needs that schedbench does not model
is told from the rendered objects, and such a workload is refused.
"""
