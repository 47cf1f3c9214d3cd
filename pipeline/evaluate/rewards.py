"""Rewards by rule: 1.0 for a right completion, 0.0 for any other, as trainers of reinforcement learning ask for them.

    reward = by_rule("data/chat", "rl")
    reward(prompts=[[{"role": "user", "content": "Where was Anya born?"}]], completions=[…], answer=["Boston."])   [1.0]

The columns are those that `columns: [reward]` makes; trainers such as TRL's GRPOTrainer hand them over by name.
Completions to problems are verified step by step, as `check` does; others are compared with the answer, as by `score`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row, Rules
from pipeline.evaluate.checking.kinds import kinds, rules_for
from pipeline.evaluate.scoring import ends_of, is_right

Spoken = str | Sequence[dict[str, str]]
Reward = Callable[..., list[float]]


def by_rule(data: Dataset | str | Path, split: str, **options: Any) -> Reward:
    """The function that grades completions to the prompts of a split, with `columns: [reward]`, of a dataset.

    options: of the rules of its kind, as for `check`, where its recipe does not say them. The function takes lists of
    equal length by name: `completions` and `prompts`, texts or lists of messages, and `answer`; it ignores the rest,
    and returns a float for each. StorageError for an unknown split.
    """
    dataset = data if isinstance(data, Dataset) else Dataset.at(data)
    dataset.split(split)
    of_sources = {str(source.get("kind", "")) for source in dataset.manifest.sources(split)}
    checkable = of_sources <= set(kinds())
    rules: Rules | None = rules_for(dataset, split, None, options).within(dataset) if checkable else None
    ends = ends_of(dataset, split)

    def graded(completion: Spoken, prompt: Spoken, answer: str) -> float:
        text = _text(completion)
        if rules is None:
            return float(is_right(text, ends, answer))
        try:
            return float(rules.row(Row(_text(prompt), "", answer), text, own=False)[1].ok)
        except PipelineError:
            return 0.0

    def reward(
        *, completions: Sequence[Spoken], prompts: Sequence[Spoken], answer: Sequence[str], **_: Any
    ) -> list[float]:
        return [graded(*row) for row in zip(completions, prompts, answer, strict=True)]

    return reward


def _text(spoken: Spoken) -> str:
    """What is said last: a text, or the content of the last message."""
    return spoken if isinstance(spoken, str) else str(spoken[-1]["content"])
