"""Runs in which pods wait in kube-scheduler's scheduling queue."""
