"""Documents to sequences: token ids of different lengths become rows of one length.

spec.py       the keys of `packing:` in a recipe
packing.py    documents → sequences, by each method; and where documents will lie, from their lengths alone
sequences.py  the sequences: which segments of documents, spans and parts they contain, and their masks
"""
