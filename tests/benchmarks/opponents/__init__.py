"""Other people's training loops, over the same networks and digits. None of them is a dependency of ganzoo."""
