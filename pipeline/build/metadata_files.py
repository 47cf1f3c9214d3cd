"""The files beside the shards: the resolved recipe, the tokenizer, the card. What is as it should be is not written."""

from __future__ import annotations

from pipeline.core.errors import RunError
from pipeline.dataset import card_marks
from pipeline.dataset.manifest import README, RECIPE, Manifest
from pipeline.dataset.seals import sealed
from pipeline.plan.plan import Plan
from pipeline.recipe.writing import dump
from pipeline.storage import STATE, Folder
from pipeline.storage.folder import AGAIN


def write(folder: Folder, plan: Plan) -> None:
    """The resolved recipe and the tokenizer, which do not depend on the shards. What is there and right stays."""
    title = f"{plan.title or 'A recipe'} (resolved: values and templates are written out)"
    folder.write(RECIPE, sealed(dump(plan.portable_recipe(), title), plan.fingerprint))
    for name, text in tokenizer_files(plan).items():
        folder.write(name, text)


def tokenizer_files(plan: Plan) -> dict[str, str]:
    """The files of the tokenizer: name below the dataset's folder → text."""
    return {f"tokenizer/{name}": text for name, text in plan.tokenizer.files().items()}


def write_card(folder: Folder, fresh: str) -> None:
    """The card, with what a person has written around our part.

    Where our marks are torn, something of theirs may go with our part: that card stays in the state of builds.
    """
    try:
        before = card_marks.readable(folder.read(README))
    except FileNotFoundError:
        before = None
    if before and card_marks.torn(before):
        folder.write(f"{STATE}/{README}", before)
    folder.write(README, card_marks.kept(fresh, before))


def check_there(folder: Folder, manifest: Manifest) -> None:
    """RunError where a file that the manifest will name is not in the folder any more, or not of its size."""
    files = {record.file: record.bytes for record in manifest.shards}
    files |= {name: recorded["bytes"] for name, recorded in manifest.files.items()}
    below = dict.fromkeys(name.rpartition("/")[0] for name in files)
    sizes = {f"{subfolder}/{name}": size for subfolder in below for name, size in folder.sizes(subfolder).items()}
    lost = [name for name, size in files.items() if sizes.get(name) != size]
    lost += [] if RECIPE in folder.sizes() else [RECIPE]
    if lost:
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        raise RunError(f"somebody has removed or changed {shown} during the build", AGAIN, folder.url)
