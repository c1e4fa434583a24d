"""Objects as columns: vocabularies, pod classes and the mutable cluster state."""
