"""Whether words from several pools, written one after the other, can give one text in two ways.

王 + 小明      王小 + 明        two names that read alike, if no space stands between the pools
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

MOST_STATES = 1_000_000  # beginnings of two names that are compared


def two_ways(pools: Sequence[Sequence[str]], joined: str) -> str:
    """A text that two different choices, of one word from each pool, give alike; "" if every choice gives its own.

    joined: what stands between the words. ValueError if there are too many words alike to tell.

    >>> two_ways([["王", "王小"], ["小明", "明"]], "")
    '王小明'
    >>> two_ways([["王", "李"], ["小明", "明"]], ""), two_ways([["Ann", "Ann-Bo"], ["Lee", "Bo-Lee"]], "-")
    ('', 'Ann-Bo-Lee')
    """
    between = [[joined]] * bool(joined)
    steps = [list(pools[0]), *(step for pool in pools[1:] for step in (*between, list(pool)))]
    # Two choices, of which one is ahead by a rest of text: rest → what the one that is ahead has written.
    ahead: dict[str, str] = {}
    equal = ""  # an example of what both have written where they do not differ yet
    for step in steps:
        words = sorted(set(step))
        after: dict[str, str] = {}
        for first, second in _prefixes(words):  # the first difference
            after.setdefault(second.removeprefix(first), equal + second)
        for rest, written in ahead.items():
            for longer, text in _continued(rest, words):
                after.setdefault(longer, written + text)
        if len(after) > MOST_STATES:
            raise ValueError("too many words begin alike")
        ahead, equal = after, equal + words[0]
    return ahead.get("", "")


def _prefixes(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of different words of which the first begins the second. words: sorted."""
    known = frozenset(words)
    for word in words:
        yield from ((word[:n], word) for n in range(len(word)) if word[:n] in known)


def _continued(rest: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(the new rest, the text added to what was ahead) for each pair of words after which both agree as far as both go.

    The one behind writes a word over the rest, the one ahead a word after it. words: sorted.
    """
    known = frozenset(words)
    for n in range(1, len(rest) + 1):  # the word behind ends within the rest: any word goes on behind it
        if rest[:n] in known:
            yield from ((rest[n:] + word, word) for word in words)
    for behind in _beginning_with(rest, words):  # it goes beyond it
        beyond = behind.removeprefix(rest)
        if not beyond:
            continue  # as above
        yield from ((beyond[n:], beyond) for n in range(1, len(beyond) + 1) if beyond[:n] in known)
        yield from ((word.removeprefix(beyond), word) for word in _beginning_with(beyond, words) if word != beyond)


def _beginning_with(start: str, words: Sequence[str]) -> Iterator[str]:
    for i in range(bisect_left(words, start), len(words)):
        if not words[i].startswith(start):
            return
        yield words[i]
