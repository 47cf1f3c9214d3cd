"""Whole biographies that a language model wrote (bioR of Parts 3.1 and 3.3), read from a Parquet file.

source.py   the kind `rewritten`: its keys, and its documents
facts.py    what a biography has to state, in words
places.py   where a text states it
naming.py   the full name once, or everywhere: names and pronouns exchanged
checking.py why a text is refused
request.py  what the model is asked, and what all requests cost
stored.py   the Parquet file
progress.py what is accepted so far, and what it cost

`pipeline rewrite` makes the file (pipeline/wordings/rewriting/).
"""
