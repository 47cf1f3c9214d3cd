"""How many tokens each phase of a split has: what its amounts make up, or its share of the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pipeline.core.errors import SpecError, specified_at
from pipeline.core.notices import rounded, whole
from pipeline.plan.document_counts import Asked, SourceTokens, document_counts
from pipeline.recipe.split_spec import MixtureSpec, PhaseSpec, SplitSpec
from pipeline.sources import Source


@dataclass(frozen=True)
class Amounts:
    """The documents of each source in a phase, and its expected tokens."""

    spec: MixtureSpec
    counts: Mapping[str, int]
    by_source: Mapping[str, SourceTokens]

    @property
    def tokens(self) -> Fraction:
        """Expected tokens of the phase."""
        return sum((of_source.tokens for of_source in self.by_source.values()), Fraction(0))


def amounts_of_phases(
    spec: SplitSpec, sources: Mapping[str, Source], document_tokens: Mapping[str, Fraction]
) -> list[Amounts]:
    """The amounts of each phase of a split, in order; of a split without phases, of itself.

    A split whose phases have F tokens by their own amounts, and shares s of it, has T = F / (1 - Σ s) tokens, or those
    that it asks for. SpecError, its path relative to the split, for amounts that contradict each other.
    """
    if spec.phases is None:
        return [Amounts(spec, *document_counts(spec, sources, document_tokens))]
    fixed: dict[int, Amounts] = {}
    for number, phase in enumerate(spec.phases):
        if phase.share is None:
            with specified_at("phases", number):
                fixed[number] = Amounts(phase, *document_counts(phase, sources, document_tokens))
    total = _total(spec, spec.phases, sum((amounts.tokens for amounts in fixed.values()), Fraction(0)))
    listed = []
    for number, phase in enumerate(spec.phases):
        if phase.share is not None:
            asked = Asked(phase.share * total, ("share",))
            with specified_at("phases", number):
                fixed[number] = Amounts(phase, *document_counts(phase, sources, document_tokens, asked))
        listed.append(fixed[number])
    return listed


def _total(spec: SplitSpec, phases: list[PhaseSpec], fixed: Fraction) -> Fraction:
    """Expected tokens of the whole split."""
    shares = {phase.name: phase.share for phase in phases if phase.share is not None}
    among = [("phases", number, "share") for number, phase in enumerate(phases) if phase.share is not None]
    total = sum(shares.values(), Fraction(0))
    listed = ", ".join(f"{name} {rounded(share)}" for name, share in shares.items())
    if total > 1:
        problem, remedy = (
            f"the shares of phases add up to {rounded(total)} ({listed})",
            f"Lower one by {rounded(total - 1)}.",
        )
        raise SpecError(problem, remedy, ("phases",), among)
    if spec.tokens is not None:
        rest = spec.tokens - fixed - total * spec.tokens
        if abs(rest) > Fraction(spec.tokens, 1000):
            sums = f"{whole(fixed)} tokens are fixed and shares of {rounded(total)} are asked"
            raise SpecError(
                f"the phases do not make up {spec.tokens:,} tokens: {sums}, which leaves {whole(rest)}",
                "Let the shares of phases add up to 1, or remove `tokens`.",
                ("tokens",),
                [("tokens",), *among],
            )
        return Fraction(spec.tokens)
    if total == 1 and fixed:
        problem = f"the shares of phases add up to 1 ({listed}), which leaves nothing for {whole(fixed)} fixed tokens"
        raise SpecError(problem, "Lower a share, or give each phase one.", ("phases",), among)
    if shares and not fixed:
        raise SpecError(
            f"phases have shares ({listed}), but nothing says of how many tokens",
            "Give the split `tokens`, or one phase its own amounts instead of a share.",
            ("phases",),
            [("tokens",), *among],
        )
    return fixed / (1 - total)
