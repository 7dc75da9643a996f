"""Errors, files and optional imports: the level below all others, without torch."""
