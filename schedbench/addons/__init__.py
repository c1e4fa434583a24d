"""What runs on top of a cluster: DNS, metrics, ingress.

What is modelled, by component, as its documentation promises it:

- DNS: A, AAAA, SRV, CNAME and the names of pods, of the Kubernetes DNS specification;
  answers and denials held by the cache. Not: reverse lookups, stub domains, node-local
  caches, time on the way.
- Metrics server: scrapes by resolution, two of them for a first sample, `top`. Not: its
  own load, custom metrics.
- Ingress: requests by service as rates over the ready back-ends, changes at the sync
  rate. Not: hosts, paths and TLS, retries, single requests.
"""
