"""How much of each source a split takes: exposures, tokens, shares and ratios become counts of documents.

All of it is exact: whole numbers and fractions, from the expected tokens of a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.core.errors import KeyPath, SpecError, suggest
from pipeline.core.notices import rounded, whole
from pipeline.plan.zipf import zipf_runs
from pipeline.recipe.amount_spec import AmountSpec, RampSpec
from pipeline.recipe.split_spec import MixtureSpec, PhaseSpec
from pipeline.sources import Source

SHARE_KEYS: list[KeyPath] = [("share", "from"), ("share", "to"), ("share",)]
"""The keys that say a share, below a source; one that only changes an inherited ramp stands inside of it."""
MOST_DOCUMENTS = 2**61  # of a split: the largest size of a Permutation


@dataclass(frozen=True)
class Asked:
    """How many tokens a mixture shall have, and the path of the key that says so."""

    tokens: Fraction
    at: KeyPath


@dataclass(frozen=True)
class SourceTokens:
    """The expected tokens of a source in a mixture of `of` tokens: fixed ones, and a share of all.

    begins, ends: the share at the beginning and at the end, which differ for a ramp.
    """

    of: Fraction
    fixed: Fraction
    begins: Fraction
    ends: Fraction

    def share_at(self, place: Fraction) -> Fraction:
        """The share at a place, from 0 to 1."""
        return self.begins + (self.ends - self.begins) * place

    @property
    def share(self) -> Fraction:
        """The share over the whole mixture."""
        return (self.begins + self.ends) / 2

    @property
    def tokens(self) -> Fraction:
        """All of its tokens."""
        return self.fixed + self.share * self.of


def document_counts(
    spec: MixtureSpec,
    sources: Mapping[str, Source],
    document_tokens: Mapping[str, Fraction],
    asked: Asked | None = None,
) -> tuple[dict[str, int], dict[str, SourceTokens]]:
    """Documents of each source of a mixture, exact, and its expected tokens.

    document_tokens: expected tokens of a document of each source. asked: how many tokens the mixture shall have; None
    for its own `tokens`.

    Every source has F_i + s_i · T tokens, T being those of the mixture: an amount fixes F_i, a share s_i, and a ratio
    takes a multiple of both from another source. With F = Σ F_i and s = Σ s_i the mixture has T = F / (1 - s) tokens,
    or those that are asked. Documents are tokens / mean length, rounded to the nearest.

    SpecError, its path relative to the mixture, for amounts that contradict each other or are not determined.
    """
    counts: dict[str, int] = {}
    for name, amount in spec.mixture.items():
        if amount.share is None and amount.ratio is None:
            counts[name] = _fixed_count(name, amount, sources[name], document_tokens[name])
    by_source = {name: _tokens_of(name, spec, counts, document_tokens, ()) for name in spec.mixture}
    shares = {name: of_source.share for name, of_source in by_source.items()}
    total_share = sum(shares.values(), Fraction(0))
    if total_share > 1:
        listed = ", ".join(f"{name} {rounded(share)}" for name, share in shares.items() if share)
        raise SpecError(
            f"shares add up to {rounded(total_share)} ({listed})",
            f"Lower one by {rounded(total_share - 1)}, or give one source exposures instead.",
            ("mixture",),
            [("mixture", name, *key) for name, share in shares.items() if share for key in (*SHARE_KEYS, ("ratio",))],
        )
    if asked is None and spec.tokens is not None:
        asked = Asked(Fraction(spec.tokens), ("tokens",))
    fixed = sum((of_source.fixed for of_source in by_source.values()), Fraction(0))
    whose = "phase" if isinstance(spec, PhaseSpec) else "split"
    total = _total(places_of_amounts(spec), fixed, total_share, asked, whose)
    by_source = {name: replace(of_source, of=total) for name, of_source in by_source.items()}
    for name in spec.mixture.keys() - counts.keys():
        counts[name] = round(by_source[name].tokens / document_tokens[name])
    return {name: counts[name] for name in spec.mixture}, by_source


def _tokens_of(
    name: str,
    spec: MixtureSpec,
    counts: Mapping[str, int],
    document_tokens: Mapping[str, Fraction],
    children: tuple[str, ...],
) -> SourceTokens:
    """The tokens of a source, of a mixture of unknown size. children: the sources whose ratios led here."""
    amount, none = spec.mixture[name], Fraction(0)
    if isinstance(amount.share, RampSpec):
        return SourceTokens(none, none, amount.share.from_, amount.share.to)
    if amount.share is not None:
        return SourceTokens(none, none, amount.share, amount.share)
    if amount.ratio is None:
        return SourceTokens(none, counts[name] * document_tokens[name], none, none)
    at = ("mixture", name, "to")
    if amount.to not in spec.mixture:
        raise SpecError(f"'{amount.to}' is not in this mixture", suggest(str(amount.to), spec.mixture), at)
    if amount.to in (*children, name):
        raise SpecError("ratios compare sources in a circle", "Give one of them another amount.", at)
    of = _tokens_of(amount.to, spec, counts, document_tokens, (*children, name))
    return SourceTokens(none, amount.ratio * of.fixed, amount.ratio * of.begins, amount.ratio * of.ends)


def _fixed_count(name: str, amount: AmountSpec, source: Source, document_tokens: Fraction) -> int:
    """Documents of a source whose amount is neither a share nor a ratio."""
    if amount.tokens is not None:
        return round(amount.tokens / document_tokens)
    if amount.tail:
        if amount.tail.least > amount.tail.most:
            raise SpecError(
                f"the least exposures, {amount.tail.least}, are more than the most, {amount.tail.most}",
                "Exchange them.",
                ("mixture", name, "exposures"),
                [("mixture", name, "exposures", key) for key in ("least", "most")],
            )
        return sum(items * exposures for _, items, exposures in zipf_runs(amount.tail, len(source)))
    exposures = source.exposures if amount.count is None else amount.count
    if exposures is None:
        raise SpecError(
            f"'{name}' has no end, and nothing states how much of it to take",
            "Give it exposures, a share, a ratio or tokens.",
            ("mixture", name),
        )
    if exposures * len(source) >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower the exposures.", ("mixture", name))
    return round(exposures * len(source))


def _total(
    among: Sequence[KeyPath], fixed: Fraction, total_share: Fraction, asked: Asked | None, whose: str
) -> Fraction:
    """Expected tokens of the whole mixture. among: the paths of keys that decide its amounts. whose: split or phase."""
    if not total_share and asked is None:
        return fixed
    if asked is not None:
        rest = asked.tokens - fixed - total_share * asked.tokens
        if abs(rest) > asked.tokens / 1000:
            sums = f"{whole(fixed)} tokens are fixed and shares of {rounded(total_share)} are asked"
            raise SpecError(
                f"the amounts do not make up {whole(asked.tokens)} tokens: {sums}, which leaves {whole(rest)}",
                f"Let the shares add up to 1, or remove `{asked.at[-1]}`.",
                asked.at,
                [asked.at, *among],
            )
        return asked.tokens
    if total_share == 1 and fixed:
        problem = f"shares add up to 1, which leaves nothing for {whole(fixed)} fixed tokens"
        raise SpecError(problem, "Lower a share, or give no other amounts.", ("mixture",), among)
    if total_share == 1:
        raise SpecError(
            "shares add up to 1, but nothing says of how many tokens",
            f"Give the {whose} `tokens`, or one source exposures instead of a share.",
            ("mixture",),
            [("tokens",), *among],
        )
    if not fixed:
        remedy = f"Give the {whose} `tokens`."
        raise SpecError("there are shares but no amount", remedy, ("mixture",), [("tokens",), *among])
    return fixed / (1 - total_share)


def places_of_amounts(spec: MixtureSpec) -> list[KeyPath]:
    """The paths of keys that decide the amounts of a mixture, those inside of a key before it."""
    keys = [*SHARE_KEYS, ("ratio",), ("tokens",), ("exposures", "count"), ("exposures", "most"), ("exposures",)]
    return [("mixture", name, *key) for name in spec.mixture for key in keys]
