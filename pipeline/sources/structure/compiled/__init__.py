"""The puzzles as numbers, compiled. Imported only where documents are made.

A puzzle is `draw(what it is drawn by…, keys, item, exposure, room…)`, the room being that of `puzzle.Drawn`.
"""

DRAWN = "u8[:,::1], i8[::1], i8[::1], i4[::1], i8[::1], i4[:,::1], i8[::1], i8[::1]"
"""The types of keys, item, exposure and room."""
