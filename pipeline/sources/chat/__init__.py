"""Documents of any source as conversations, rendered by a chat template.

spec.py       the keys of `chat:`          turns.py    which documents of the source make up a conversation
compiling.py  from a spec to the source     checks.py   what is looked at before
framing.py    outlines, with what the template writes around their contents
source.py     conversations out of outlines, gathered like any other document
of_texts.py   conversations out of texts, for sources that have no outlines
"""
