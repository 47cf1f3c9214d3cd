"""Folders that `datasets` saved (`save_to_disk`): which Arrow files they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.errors import SpecError, suggest
from pipeline.core.json_layouts import OpenLayout, checked, parsed
from pipeline.core.system.open_files import contents

STATE, SPLITS = "state.json", "dataset_dict.json"
MOST_BYTES = 2**24  # of either


def is_saved(folder: Path) -> bool:
    """Whether a folder is one of them."""
    return any((folder / name).exists() for name in (STATE, SPLITS))


class _State(OpenLayout):
    class _File(OpenLayout):
        filename: str

    files: list[_File]


def saved_files(folder: Path, split: str) -> list[Path]:
    """The Arrow files of a folder that `datasets` saved, in order. SpecError if they are not known."""
    if (folder / SPLITS).exists():
        splits = _json(folder / SPLITS).get("splits")
        if not isinstance(splits, list) or split not in splits:
            known = [name for name in splits if isinstance(name, str)] if isinstance(splits, list) else []
            raise SpecError(f"'{folder}' has no split '{split}'", suggest(split, known), ("split",))
        folder = folder / split
    try:
        files = checked(_State, {"files": _json(folder / STATE).get("_data_files")}).files
    except ValueError as error:
        raise _unreadable(folder / STATE, str(error)) from None
    names = [file.filename for file in files]
    if not names or any(Path(name).name != name for name in names):
        raise _unreadable(folder / STATE, "it names no files beside it")
    return [folder / name for name in names]


def _json(path: Path) -> dict[str, Any]:
    try:
        tree = parsed(contents(path, MOST_BYTES))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(getattr(error, "strerror", None) or error)) from None
    if not isinstance(tree, dict):
        raise _unreadable(path, "a mapping is needed")
    return tree


def _unreadable(path: Path, problem: str) -> SpecError:
    return SpecError(f"cannot read '{path}': {problem}", "Save the dataset again.", ("files",))
