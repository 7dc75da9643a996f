"""Distributed training: several processes that train as one."""
