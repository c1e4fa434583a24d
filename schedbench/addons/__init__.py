"""What runs on top of a cluster: DNS, metrics, ingress."""
