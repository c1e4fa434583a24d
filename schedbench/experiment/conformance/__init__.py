"""Recorded decisions of the real kube-scheduler, played again and compared."""
