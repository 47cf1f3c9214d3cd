"""The pure function (plan, split, k) → the columns of a shard: start reading here.

shard.py      makes a whole shard, or some of its rows, or finds one document in it
placement.py  which documents lie in which rows, from lengths alone
"""

from pipeline.shard.shard import make_shard

__all__ = ["make_shard"]
