"""Where objects come from: manifests, scheduler_perf, traces and generators."""
