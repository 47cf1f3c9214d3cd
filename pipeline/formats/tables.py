"""Formats that `load_dataset` opens as tables: files in `data/`, and a README.md whose header assigns them to splits.

All splits of a config must have the same columns. So the splits with the columns of `train` (or of the first split) are
the default config, and every other split is a config of its own name. `datasets` caches by the folder's name and its
configs, and all exports of a format have the same name, so the header contains a hash of the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pipeline.formats.format import Part, Written


def name_of(part: Part, suffix: str) -> str:
    """The name of a part's file: `data/train-00000-of-00002.parquet`."""
    return f"data/{part.split.name}-{part.number:05d}-of-{part.of:05d}.{suffix}"


def readme(written: Mapping[str, Sequence[Written]], suffix: str) -> dict[str, str]:
    """{"README.md": text} for splits whose files have `columns` among their facts."""
    columns = {split: files[0]["columns"] for split, files in written.items()}
    default = columns.get("train", next(iter(columns.values())))
    usual = [split for split in columns if columns[split] == default]
    lines = ["---", "configs:", *_config("default", usual, suffix)]
    for split in columns:
        if split not in usual:
            lines += _config(split, [split], suffix)
    hashes = "".join(file["file_hash"] for files in written.values() for file in files)
    digest = hashlib.sha256(hashes.encode()).hexdigest()[:32]
    lines.append("dataset_info:")
    for name in ("default", *(split for split in columns if split not in usual)):
        lines += [f"- config_name: {name}", f"  description: files {digest}"]
    return {"README.md": "\n".join([*lines, "---", ""])}


def _config(name: str, splits: Sequence[str], suffix: str) -> list[str]:
    files = [line for split in splits for line in (f"  - split: {split}", f"    path: data/{split}-*.{suffix}")]
    return [f"- config_name: {name}", "  data_files:", *files]
