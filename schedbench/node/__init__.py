"""The nodes: kubelet, container runtime, network, kube-proxy."""
