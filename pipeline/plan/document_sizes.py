"""Mean tokens of a document of each source, and the room that it takes in sequences: exact, or from a sample."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pipeline.core.errors import SpecError
from pipeline.packing.packing import fill
from pipeline.packing.spec import PackingSpec
from pipeline.recipe.split_spec import SplitSpec
from pipeline.sources import Source
from pipeline.sources.lengths import sample_lengths

PACKING_KEYS = [("packing",), *(("packing", key) for key in ("length", "method", "longer", "windows"))]
TRIED = 200  # documents of each source that are compared with the length of a sequence
WINDOWED = 10_000  # documents of each source that are packed to estimate how many tokens aligned sequences keep


def document_sizes(spec: SplitSpec, sources: Mapping[str, Source]) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """(tokens, room), each source → expected tokens of a document: those that are kept; those on disk, with padding.

    SpecError where documents cannot be packed as the split asks.
    """
    packing = spec.packing
    longest = max((source.longest or 0 for source in sources.values()), default=0)
    if packing.whole and longest > packing.length:
        raise SpecError(
            f"a document can have {longest} tokens, a sequence {packing.length}",
            f"Set packing.length to {longest} or more, or packing.longer to drop.",
            ("packing",),
            PACKING_KEYS,
        )
    for name, source in sources.items():
        _check_fitting(name, source, packing)
    tokens = {name: source.mean_tokens for name, source in sources.items()}
    if packing.method == "concat":
        return tokens, tokens
    if packing.method == "rows":
        return tokens, dict.fromkeys(sources, Fraction(packing.length))
    if len(sources) > 1 and packing.windows == "mixed":
        raise SpecError(
            "aligned sequences hold documents of one source", "Set packing.windows to pure.", ("packing",), PACKING_KEYS
        )
    room = {}
    for name, source in sources.items():
        kept, used = fill(sample_lengths(source, WINDOWED), packing)
        tokens[name] *= kept
        room[name] = tokens[name] / used
    return tokens, room


def _check_fitting(name: str, source: Source, packing: PackingSpec) -> None:
    """SpecError where no sampled document would fit, or, where all documents have to fit, one of them does not."""
    all_fit = source.longest is not None and source.longest <= packing.length
    if all_fit or (packing.method == "concat" and packing.longer == "keep"):
        return
    lengths = sample_lengths(source, TRIED)
    if packing.whole and (longest := int(lengths.max())) > packing.length:
        raise SpecError(
            f"'{name}': a document has {longest} tokens, a sequence {packing.length}",
            f"Set packing.length to {longest} or more, or packing.longer to drop.",
            ("packing",),
            PACKING_KEYS,
        )
    if packing.longer == "drop" and (shortest := int(lengths.min())) > packing.length:
        raise SpecError(
            f"'{name}': none of {len(lengths)} documents has as few tokens as a sequence, {packing.length}",
            f"Set packing.length to more than {shortest}.",
            ("packing", "length"),
        )
