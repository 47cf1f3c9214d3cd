"""Ordinary text from the user's files, one document a row.

source.py   the kind `corpus`: its keys, and its documents
rows.py     reads the rows of files, and keeps a copy of them
"""
