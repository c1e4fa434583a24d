"""A wind tunnel for Kubernetes schedulers."""

__version__ = "0.1.0"
