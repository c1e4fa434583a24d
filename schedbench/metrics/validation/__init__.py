"""What the scheduler promises, one promise a module, read from API objects alone.

Written apart from the columns, plugins and kernels that make placements, so that the
validator shares no error with them.
"""
