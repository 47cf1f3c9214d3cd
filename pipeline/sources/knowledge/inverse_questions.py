"""Inverse questions, "Whose mother is Ann Lee?": whether the one who is asked for is known by whom they point to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.core.notices import Notice
from pipeline.sources.knowledge.cast import Cast, Path
from pipeline.text.expressions import Program
from pipeline.text.shown_facts import slots_read


def ambiguous(cast: Cast, asked: Iterable[tuple[str, Program, Program]]) -> Iterator[Notice]:
    """A notice for each question that shows of its subject only those to whom paths lead, where several share them.

    asked: (question, prompt, answer) of each line.
    """
    seen: set[str] = set()
    for question, prompt, answer in asked:
        shown, said = _read(prompt), _read(answer)
        own = set(cast.columns(("",)))
        paths = [path for path, member in cast.members.items() if len(path) > 1 and shown & set(member.columns)]
        if question in seen or not paths or shown & own or not said & own:
            continue
        if not any(_most(cast, path) == 1 for path in paths):
            seen.add(question)
            path = min(paths, key=len)
            most = _most(cast, path)
            many = f"up to {most:,} individuals" if most else "any number of individuals"
            alone = f"it is asked by '{'.'.join(path[1:])}' alone, whom {many} share"
            yield Notice(
                f"'{question}' may have several answers: {alone}",
                "Ask it of a relation that is one_to_one, or show more of the individual.",
                lost=False,
            )


def _read(program: Program) -> set[int]:
    return set().union(*(slots_read(part) for part in program)) - {0}


def _most(cast: Cast, path: Path) -> int | None:
    """How many individuals have the same one at the end of a path, at most; None if there is no bound."""
    most = 1
    for count in range(1, len(path)):
        of_step = cast.world_at(path[:count]).relations[path[count]].most
        if of_step is None:
            return None
        most *= of_step
    return most
