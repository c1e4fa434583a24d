"""A workload played against a policy on simulated time."""
