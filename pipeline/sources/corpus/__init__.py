"""Ordinary text from the user's files, one document a row.

    web/*.jsonl.gz ──../files/──► files, hashed ──reading/──► rows of text ──texts.py──► token ids

spec.py        the keys of a corpus in a recipe
source.py      the kind `corpus`: its documents
texts.py       rows as token ids, each with its tag of plain text
lengths.py     the number of tokens of every row, counted once
windows.py     long rows as several documents
beside.py      what is known of its files, kept beside a dataset
described.py   what `plan` and the manifest say of its files
"""
