"""Puzzles of Part 4.1 and sentences of grammars: documents of named tokens, each checked strictly."""
