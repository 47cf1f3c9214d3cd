"""Layouts of other trainers' files of token ids, as `formats/` writes them and `sources/tokens/` reads them."""

from __future__ import annotations

LLMC_HEADER = 256
"""int32 numbers in front of the ids of a file of llm.c: magic number, version, how many ids, zeros."""

LLMC_FORMS = {20240520: (1, "uint16"), 20240801: (7, "uint32")}
"""Magic number of a file of llm.c → its version, and the type of its ids: GPT-2's form, and Llama 3's."""

MEGATRON_MAGIC = b"MMIDIDX\0\0"
"""What an .idx file of Megatron begins with. Then, little-endian: u64 version, u8 type, u64 sequences, u64 entries of
the index of documents; int32 lengths and int64 byte offsets of sequences; int64 sequences where documents begin."""

MEGATRON_VERSION = 1

MEGATRON_TYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 8: "uint16"}
"""Number in an .idx file → type of the ids in the .bin file; 6 and 7 are floats, which no ids are."""
