"""Trained weights that ship with ganzoo."""
