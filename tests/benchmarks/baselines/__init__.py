"""Training loops of others, over the same networks and digits. None of them is a dependency of ganzoo."""
