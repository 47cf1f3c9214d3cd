"""What holds of every number: tried at the boundaries that are named and at some others, which are always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import HealthCheck, example, settings

FEW = settings(derandomize=True, deadline=None, database=None, max_examples=20, suppress_health_check=list(HealthCheck))


def at(values: Iterable[Any]) -> Callable[[Any], Any]:
    """Tries each of the values first, as `example` does with one; a tuple is several arguments."""

    def tried(test: Any) -> Any:
        for value in values:
            test = example(*value if isinstance(value, tuple) else (value,))(test)
        return test

    return tried
