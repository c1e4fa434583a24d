"""Scenario × policy × seed: the grid, its cells, their store and statistics."""
