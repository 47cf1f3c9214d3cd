"""What was built, on its way back: the reader, the manifest, the card."""

from pipeline.dataset.dataset import Dataset

__all__ = ["Dataset"]
