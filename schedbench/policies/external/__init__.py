"""Policies in a process of their own: the protocol, the child, the conversation."""
