"""Seals: a hash inside a text file of a dataset, which reveals a changed file and one of another dataset."""

from __future__ import annotations

from pipeline.storage.local import hash_of_bytes


def seal(fingerprint: str, text: str) -> str:
    """`blake3:…`, the hash of a text together with the fingerprint of its dataset."""
    return hash_of_bytes(f"{fingerprint}\n{text}".encode())


def sealed(text: str, fingerprint: str) -> str:
    """A recipe with its seal as a comment after the first line."""
    title, rest = text.split("\n", 1)
    return f"{title}\n# {seal(fingerprint, text)}\n{rest}"


def is_sealed(data: bytes, fingerprint: str) -> bool:
    """Whether a recipe has its seal, of this dataset, and is unchanged."""
    try:
        title, _, rest = data.decode().split("\n", 2)
    except ValueError:
        return False
    return sealed(f"{title}\n{rest}", fingerprint).encode() == data
