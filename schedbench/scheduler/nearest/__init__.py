"""What would have to change for a pod to fit: nearest misses, each decided anew."""
