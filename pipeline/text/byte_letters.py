"""Bytes as the letters that byte-level tokenizers, GPT-2's among them, write for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache


@cache
def bytes_by_letter() -> dict[str, int]:
    """GPT-2's character → byte: printable bytes are written as themselves, the others as characters from U+0100 on."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(256) if byte not in own)
    return {chr(byte): byte for byte in own} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


@cache
def letters_by_byte() -> dict[int, str]:
    """Byte → character."""
    return {byte: letter for letter, byte in bytes_by_letter().items()}


def byte_letters(text: str) -> str:
    """A text in the letters that byte-level tokenizers write for its bytes.

    >>> byte_letters(" é")
    'ĠÃ©'
    """
    letters = letters_by_byte()
    return "".join(letters[byte] for byte in text.encode())


def bytes_of(token: str) -> bytes:
    """The bytes that a token of a byte-level tokenizer stands for."""
    table = bytes_by_letter()
    known = [table.get(letter) for letter in token]
    return token.encode() if None in known else bytes(byte for byte in known if byte is not None)


def byte_tokens() -> Iterator[str]:
    """The tokens of single bytes, as byte-level tokenizers and those with byte fallback write them."""
    yield from bytes_by_letter()
    yield from (f"<0x{byte:02X}>" for byte in range(256))
