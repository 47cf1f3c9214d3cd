"""The puzzles as numbers, compiled. Imported only where documents are made.

A puzzle is `draw(what it is drawn by…, keys, item, exposure, room…)`, which fills the room, the arrays of
`puzzle.Drawn`. Everything it is drawn by is int64, but thresholds of sizes (`Sizes.thresholds`), which are uint64.
"""

DRAWN = "u8[:,::1], i8[::1], i8[::1], i4[::1], i8[::1], i4[:,::1], i8[::1], i8[::1]"
"""The types of keys, item, exposure and room."""

DEGREE = 4
"""Brevo: most nodes that a node needs, and most that need it (Part 4.1)."""
