"""The files beside the shards: resolved recipe, tokenizer, code, card. A file that is right already stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from pipeline.core.errors import RunError
from pipeline.core.system import kept_arrays
from pipeline.dataset import card_marks
from pipeline.dataset.manifest import README, RECIPE, Manifest, code_file
from pipeline.dataset.seals import sealed
from pipeline.plan.plan import Plan
from pipeline.recipe.writing import dump
from pipeline.storage import STATE, Folder
from pipeline.storage.folder import AGAIN


def write(folder: Folder, plan: Plan) -> None:
    """Write the resolved recipe, the tokenizer, and the code and files of sources: none depends on the shards."""
    title = f"{plan.title or 'A recipe'} (resolved: values and templates are written out)"
    folder.write(RECIPE, sealed(dump(plan.portable_recipe(), title), plan.fingerprint))
    for name, text in head_files(plan).items():
        folder.write(name, text)
    for source in plan.sources.values():
        if beside := source.beside():
            _write_beside(folder, *beside)


def _write_beside(folder: Folder, name: str, write_to: Callable[[BinaryIO], None]) -> None:
    """Write what is known of a source's files, unless it is there."""
    if not is_sealed(folder, name):
        with folder.creating(name) as file:
            write_to(file)


def is_sealed(folder: Folder, name: str) -> bool:
    """Whether a file of what is known of a source's files is as it was written."""
    with suppress(OSError, ValueError), folder.local(name) as path:
        return kept_arrays.opened(path, name.rpartition("/")[2]) is not None
    return False


def head_files(plan: Plan) -> dict[str, str]:
    """The files of the tokenizer, and the code of sources: path below the dataset's folder → text."""
    files = {f"tokenizer/{name}": text for name, text in _tokenizer_files(plan).items()}
    code = {code_file(name): source.saved_code() for name, source in plan.recipe.sources.items()}
    return files | {name: text for name, text in code.items() if text is not None}


def _tokenizer_files(plan: Plan) -> dict[str, str]:
    """The files of the tokenizer: name → text.

    With the chat template, where all conversations have the same one, so that trainers write what the rows have.
    """
    files = plan.tokenizer.files()
    chats = [source.chat for source in plan.recipe.sources.values() if source.chat]
    if len({chat.template for chat in chats}) == 1:
        files["chat_template.jinja"] = chats[0].template
        if bos := chats[0].variables.get("bos_token"):
            config = {**json.loads(files["tokenizer_config.json"]), "bos_token": bos}
            files["tokenizer_config.json"] = json.dumps(config, indent=2) + "\n"
    return files


def write_card(folder: Folder, fresh: str) -> None:
    """Write the card `fresh`, with what a person has written around our part of the existing one.

    Where the marks of our part are damaged, a person's words could be lost; then the old card is kept in STATE.
    """
    try:
        before = card_marks.readable(folder.read(README))
    except FileNotFoundError:
        before = None
    if before and card_marks.torn(before):
        folder.write(f"{STATE}/{README}", before)
    folder.write(README, card_marks.kept(fresh, before))


def check_there(folder: Folder, manifest: Manifest) -> None:
    """RunError where a file that the manifest lists is missing from the folder, or has another size."""
    files = {record.file: record.bytes for record in manifest.shards}
    files |= {name: recorded["bytes"] for name, recorded in manifest.files.items()}
    below = dict.fromkeys(name.rpartition("/")[0] for name in files)
    sizes = {f"{subfolder}/{name}": size for subfolder in below for name, size in folder.sizes(subfolder).items()}
    lost = [name for name, size in files.items() if sizes.get(name) != size]
    lost += [] if RECIPE in folder.sizes() else [RECIPE]
    if lost:
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        raise RunError(f"somebody has removed or changed {shown} during the build", AGAIN, folder.url)
