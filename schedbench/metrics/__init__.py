"""One table of metrics over the record of a run."""
