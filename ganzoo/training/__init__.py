"""The loop, and all that it runs on: batches, devices, processes."""
