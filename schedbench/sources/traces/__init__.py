"""Importers of cluster traces, one file each."""
