"""What Kubernetes says: typed, validated objects, their defaults and selectors."""
