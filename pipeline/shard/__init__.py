"""The pure function (plan, split, k) → the columns of a shard. Start reading in shard.py."""

from pipeline.shard.shard import make_shard

__all__ = ["make_shard"]
