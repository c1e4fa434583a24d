"""Synthetic clusters and pods from a seed: pools, mixes, arrivals and durations.

Each module holds the structs of one part of a scenario file beside the functions that
draw it. Everything is a function of the specification and the seed.
"""
