"""Random cases decided by schedbench and by a living kube-scheduler, and compared."""
