"""Runs: a training and its folder, from the first iteration to the last, across any number of interruptions.

:mod:`ganzoo.records.run_folder` describes the files of the folder.
"""
