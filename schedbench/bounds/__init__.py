"""What no policy can beat: lower and upper bounds on metrics, and optima.

A bound is *valid* for every policy that keeps the default filters: a relaxation may
leave rules out, so that more is possible in it than in a run, never less. Each module
says what it leaves out and why no policy can beat it.
"""
