"""The plugins that ship with ganzoo, written exactly as a third party would write theirs: one file a family."""
