"""The plugins that ship with ganzoo, written as a third party would write them: one file for each family."""
