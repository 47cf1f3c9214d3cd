"""The parser, compiled: which symbol can stand where, how probably, and what may come next.

    symbols     2 1 1 3 1           places 0 … n between and around them
    chart       5: 0 → {3}          what a symbol that begins at a place may end at: a set of places, as bits
                6: 3 → {5}
    inside      5: 0 → 3, 1/4       how probable each of these is
    outside     6: 3, 1/2           how probable the symbols up to a place are, with that symbol to begin there

Chart and inside go from the terminals up, outside comes down from the root. At the terminals, the outside probability
is that of the symbols so far and the next one, so one descent gives the distribution of what comes next, at all places.

A row of the chart holds the ends of one symbol at one start, `width` words of bits. Its first word is that of the first
place which the symbol can reach; words are not shifted, so that the union of rows takes no more than `or`.

Letters: n symbols of a string, N symbols above the terminals, R rules, T terminals.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pipeline.core.jit import njit, signature
from pipeline.core.sets import lowest, size
from pipeline.grammars.tables import Rules

_0 = np.uint64(0)
_1 = np.uint64(1)


class Chart(NamedTuple):
    """What stands where in a string of n symbols.

    can_begin uint8 (N + T, n + 1): whether a symbol can begin at a place. words uint64: the rows of those above the
    terminals. rows int64 (N,): the first word of each one's; width int64 (N,): words of each; starts int64 (N,): how
    many, from place 0 on. now and then uint64: sets of places, empty between uses.
    """

    can_begin: Any
    words: Any
    rows: Any
    width: Any
    starts: Any
    now: Any
    then: Any


class Masses(NamedTuple):
    """Probabilities of what a chart has, those of a terminal multiplied by a factor of its place.

    first int64 (N,): the number of each symbol's row at place 0. entry int64 (rows + 1,): where the ends of each row
    begin. end int32, inside float64: each end, and how probable. factor float64 (n,).
    """

    first: Any
    entry: Any
    end: Any
    inside: Any
    factor: Any


@njit()
def _make_chart(rules: Any, string: Any) -> Any:
    """A chart of the terminals alone. Of the root it has only the row at place 0."""
    n, count = string.size, rules.first.size - 1
    rows, width, starts = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    used, widest = 0, 0
    for symbol in range(count):
        rows[symbol] = used
        starts[symbol] = min(max(0, n + 1 - rules.shortest[symbol]), n + 1 if symbol else 1)
        width[symbol] = ((min(rules.longest[symbol], n) - rules.shortest[symbol]) >> 6) + 2
        used += starts[symbol] * width[symbol]
        widest = max(widest, width[symbol])
    can_begin = np.zeros((rules.shortest.size, n + 1), np.uint8)
    for place in range(n):
        if string[place] >= 0:
            can_begin[count + string[place], place] = 1
    size = (n >> 6) + 1 + widest
    return Chart(
        can_begin, np.zeros(used, np.uint64), rows, width, starts, np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    )


@njit()
def _advance(rules: Any, chart: Any, child: Any, now: Any, low: Any, high: Any, then: Any) -> Any:
    """All ends of a symbol that begins at a place of the set `now`, put into `then`; `now` is emptied.

    Words low … high of `now` may have bits; returns the same of `then`.
    """
    can_begin, words = chart.can_begin, chart.words
    count = chart.rows.size
    least, most = then.size, -1
    for word in range(low, high + 1):
        members = now[word]
        now[word] = _0
        while members:
            place = 64 * word + lowest(members)
            members &= members - _1
            if not can_begin[child, place]:
                continue
            if child >= count:
                base = (place + 1) >> 6
                then[base] |= _1 << np.uint64((place + 1) & 63)
                least, most = min(least, base), base
                continue
            row, base = chart.rows[child] + place * chart.width[child], (place + rules.shortest[child]) >> 6
            for k in range(chart.width[child]):
                if words[row + k]:
                    then[base + k] |= words[row + k]
                    least, most = min(least, base + k), max(most, base + k)
    return least, most


@njit()
def _fill(rules: Any, chart: Any) -> None:
    """The ends of all symbols at all starts, those of lower levels first."""
    first, start, children, can_begin = rules.first, rules.start, rules.children, chart.can_begin
    for symbol in range(chart.rows.size - 1, -1, -1):
        for place in range(chart.starts[symbol]):
            row = chart.rows[symbol] + place * chart.width[symbol] - ((place + rules.shortest[symbol]) >> 6)
            for rule in range(first[symbol], first[symbol + 1]):
                if not can_begin[children[start[rule]], place]:
                    continue  # as most are: not worth a call
                now, then = chart.now, chart.then
                low = high = place >> 6
                now[low] = _1 << np.uint64(place & 63)
                for k in range(start[rule], start[rule + 1]):
                    low, high = _advance(rules, chart, children[k], now, low, high, then)
                    now, then = then, now
                for word in range(low, high + 1):
                    if now[word]:
                        chart.words[row + word] |= now[word]
                        now[word] = _0
                        can_begin[symbol, place] = 1


@njit(signature("void", "i4[::1]", "i8[::1]", Rules, "u1[::1]"))
def accept(values: Any, offsets: Any, rules: Any, out: Any) -> None:
    """Whether each string (d,), values[offsets[i] : offsets[i + 1]], is a sentence."""
    shortest, longest = rules.shortest[0], rules.longest[0]
    for i in range(out.size):
        n = offsets[i + 1] - offsets[i]
        out[i] = 0
        if shortest <= n <= longest:
            chart = _make_chart(rules, values[offsets[i] : offsets[i + 1]])
            _fill(rules, chart)
            word = chart.words[(n >> 6) - (shortest >> 6)]
            out[i] = word >> np.uint64(n & 63) & _1


@njit()
def _make_masses(rules: Any, chart: Any, factor: Any) -> Any:
    """The ends of a chart, and room for their probabilities."""
    count = chart.rows.size
    first = np.zeros(count, np.int64)
    for symbol in range(1, count):
        first[symbol] = first[symbol - 1] + chart.starts[symbol - 1]
    entry = np.zeros(first[-1] + chart.starts[-1] + 1, np.int64)
    used = 0
    for word in chart.words:
        used += size(word)
    end, at = np.empty(used, np.int32), 0
    for symbol in range(count):
        for place in range(chart.starts[symbol]):
            row, base = chart.rows[symbol] + place * chart.width[symbol], (place + rules.shortest[symbol]) >> 6
            for k in range(chart.width[symbol]):
                members = chart.words[row + k]
                while members:
                    end[at] = 64 * (base + k) + lowest(members)
                    at += 1
                    members &= members - _1
            entry[first[symbol] + place + 1] = at
    return Masses(first, entry, end, np.zeros(used), factor)


@njit()
def _carry(can_begin: Any, masses: Any, child: Any, mass: Any, low: Any, high: Any, carried: Any) -> Any:
    """Probabilities of places, taken through a symbol that begins there: those of its ends. `mass` is emptied.

    Places low … high of `mass` may be above 0; returns the same of `carried`.
    """
    count = masses.first.size
    least, most = carried.size, -1
    for place in range(low, high + 1):
        here, mass[place] = mass[place], 0.0
        if here == 0.0 or not can_begin[child, place]:
            continue
        if child >= count:
            carried[place + 1] = here * masses.factor[place]
            least, most = min(least, place + 1), place + 1
            continue
        row = masses.first[child] + place
        begin, stop = masses.entry[row], masses.entry[row + 1]
        for k in range(begin, stop):
            carried[masses.end[k]] += here * masses.inside[k]
        least, most = min(least, masses.end[begin]), max(most, masses.end[stop - 1])
    return least, most


@njit()
def _weigh(rules: Any, can_begin: Any, masses: Any, share: Any) -> None:
    """The inside probabilities of all ends of all symbols at all starts, those of lower levels first."""
    first, start, children = rules.first, rules.start, rules.children
    n = masses.factor.size
    total, mass, carried = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for symbol in range(masses.first.size - 1, -1, -1):
        for place in range(n + 1):
            if not can_begin[symbol, place]:
                continue
            for rule in range(first[symbol], first[symbol + 1]):
                if not can_begin[children[start[rule]], place]:
                    continue
                low = high = place
                mass[place] = share[rule]
                for k in range(start[rule], start[rule + 1]):
                    low, high = _carry(can_begin, masses, children[k], mass, low, high, carried)
                    mass, carried = carried, mass
                for end in range(low, high + 1):
                    total[end] += mass[end]
                    mass[end] = 0.0
            row = masses.first[symbol] + place
            for k in range(masses.entry[row], masses.entry[row + 1]):
                masses.inside[k], total[masses.end[k]] = total[masses.end[k]], 0.0


@njit()
def _descend(rules: Any, can_begin: Any, masses: Any, share: Any, outside: Any) -> None:
    """The outside probabilities of all symbols (N + T, n + 1), from the root down."""
    first, start, children = rules.first, rules.start, rules.children
    n = masses.factor.size
    mass, carried = np.zeros(n + 1), np.zeros(n + 1)
    outside[0, 0] = 1.0
    for symbol in range(masses.first.size):
        for origin in range(n + 1):
            if outside[symbol, origin] == 0.0:
                continue
            for rule in range(first[symbol], first[symbol + 1]):
                low = high = origin
                mass[origin] = outside[symbol, origin] * share[rule]
                for k in range(start[rule], start[rule + 1]):
                    child, further = children[k], k + 1 < start[rule + 1]
                    goes_on = False
                    for place in range(low, high + 1):
                        outside[child, place] += mass[place]
                        goes_on |= mass[place] > 0.0 and can_begin[child, place]
                    if not (goes_on and further):
                        break
                    low, high = _carry(can_begin, masses, child, mass, low, high, carried)
                    mass, carried = carried, mass
                for place in range(low, high + 1):
                    mass[place] = 0.0


@njit(signature("f8", "i4[::1]", Rules, "f8[::1]", "f8[::1]", "f8[:,::1]"))
def weigh(string: Any, rules: Any, share: Any, factor: Any, ways: Any) -> Any:
    """How probable a string (n,) is, and what may come next at each of its places; share float64 (R,): of rules.

    Returns the probability that it is a sentence, multiplied by all factors, float64 (n,). ways float64 (N + T + 1, n
    + 1), zeros or, where it is not wanted, empty: how probable it is that a sentence begins with the symbols before a
    place and goes on with each symbol, or ends there (the last row), multiplied by the factors before the place.
    """
    chart = _make_chart(rules, string)
    _fill(rules, chart)
    masses = _make_masses(rules, chart, factor)
    _weigh(rules, chart.can_begin, masses, share)
    whole = 0.0
    for k in range(masses.entry[min(1, chart.starts[0])]):  # the root's, at place 0
        if masses.end[k] == string.size:
            whole = masses.inside[k]
    if ways.size:
        _descend(rules, chart.can_begin, masses, share, ways)
        for k in range(masses.entry[min(1, chart.starts[0])]):
            ways[-1, masses.end[k]] = masses.inside[k]
    return whole
