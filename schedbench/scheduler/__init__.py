"""One scheduling cycle (filter, score, normalize, weigh, select) and its engines."""
