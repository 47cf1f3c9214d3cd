"""The pure function (plan, split, k) → the columns of a shard: start reading here.

shard.py      a whole shard, some of its rows, the place of one document
placement.py  which rows a document touches, from lengths alone
"""

from pipeline.shard.shard import make_shard

__all__ = ["make_shard"]
