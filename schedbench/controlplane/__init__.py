"""The control plane: etcd, API server, scheduler, controllers, on a virtual clock."""
