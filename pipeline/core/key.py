"""Names for streams of randomness: a key is derived by hashing a path, never by adding to a seed.

`seed + epoch` makes epoch 1 of seed 42 the same as epoch 0 of seed 43; hashing a path cannot.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """The name of a stream of randomness: 128 bits, as two 64-bit halves (Python ints).

    >>> root = Key.root(0)
    >>> root.child("world", "people") == root.child("world").child("people")
    True
    >>> root.child("ab", "c") == root.child("a", "bc")
    False
    """

    high: int
    low: int

    @classmethod
    def root(cls, seed: int) -> Key:
        """The root key for a recipe's seed, which may be any Python int."""
        return cls._hashed(b"seed:%d" % seed)

    @classmethod
    def _hashed(cls, message: bytes) -> Key:
        digest = hashlib.blake2b(message, digest_size=16, person=b"pipeline.key").digest()
        return cls(int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))

    def child(self, *path: str | int) -> Key:
        """The key at `path` below this one; strings and integers never collide (`1` is not `"1"`)."""
        key = self
        for step in path:
            tagged = b"i%d" % step if isinstance(step, int) else b"s" + step.encode()
            key = self._hashed(key.high.to_bytes(8, "little") + key.low.to_bytes(8, "little") + tagged)
        return key

    def words(self, count: int) -> tuple[int, ...]:
        """`count` unsigned 64-bit integers derived from the key, for code that needs more than two (round keys, …)."""
        return tuple(self.child("word", i).low for i in range(count))
