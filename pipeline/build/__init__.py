"""From a plan to a dataset in a folder, and every byte of one held against its manifest.

building.py        the build: what is missing is run, and the manifest written last
resume.py          what an earlier build has left: whose it is, which shards are whole
metadata_files.py  the files beside the shards
verification.py    verify: what is wrong with a built dataset
executors/         who runs the shards: this process, or Ray
"""

from pipeline.build.building import build

__all__ = ["build"]
