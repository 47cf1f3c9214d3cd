"""Rows for a training job: streams, with or without a disk, and PyTorch."""
