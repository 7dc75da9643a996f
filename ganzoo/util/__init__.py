"""What stands below everything: errors, files, optional imports."""
