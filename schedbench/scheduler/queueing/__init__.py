"""Parts of the scheduling queue: events, hints, heaps, pools and nominations."""
