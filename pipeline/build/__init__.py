"""From a plan to a dataset in a folder, and every byte of one held against its manifest."""

from pipeline.build.building import build

__all__ = ["build"]
