"""Seals: the hash that a text of a dataset carries, so that a changed one, or one of another dataset, is noticed."""

from __future__ import annotations

from pipeline.storage.local import hash_of_bytes


def seal(fingerprint: str, text: str) -> str:
    """The hash of a text and of the dataset that it belongs to: `blake3:…`."""
    return hash_of_bytes(f"{fingerprint}\n{text}".encode())


def sealed(text: str, fingerprint: str) -> str:
    """A recipe with a comment, after its first line, that seals it."""
    title, rest = text.split("\n", 1)
    return f"{title}\n# {seal(fingerprint, text)}\n{rest}"


def is_sealed(data: bytes, fingerprint: str) -> bool:
    """Whether a recipe is as it was written."""
    try:
        title, _, rest = data.decode().split("\n", 2)
    except ValueError:
        return False
    return sealed(f"{title}\n{rest}", fingerprint).encode() == data
