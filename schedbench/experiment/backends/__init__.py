"""Where the cells of a run are worked off: this machine's processes, or a cluster."""
