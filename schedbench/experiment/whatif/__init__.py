"""Questions to a cluster as it is: another configuration, more pods, other nodes."""
