"""Results as plots, tables and one self-contained page."""
