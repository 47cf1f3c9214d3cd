"""Building a plan into a dataset in a folder, and checking every byte of a dataset against its manifest.

building.py        build: missing shards are made, and the manifest is written last
resume.py          what an earlier build left: of which plan it is, which shards are complete
metadata_files.py  the files beside the shards
sweeping.py        build_sweep: the datasets of all cells of a sweep
verification.py    verify: the faults of a built dataset, or of all of a sweep
executors/         who runs the shards: this process, or Ray
"""

from pipeline.build.building import build

__all__ = ["build"]
