"""Ordinary text from the user's files, one document a row.

spec.py     the keys of a corpus in a recipe
source.py   the kind `corpus`: its documents
rows.py     reads the rows of files, and keeps a copy of them
"""
