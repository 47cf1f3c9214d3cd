"""Data that is tokenized already, as documents: datasets of ours, and the files of other trainers.

    files ──looked through once──► where each document begins and ends, in the user's cache ──► documents

spec.py        what a recipe says              source.py     documents, copied out of mapped files
contents.py    files, known by their content   layouts.py    how the layouts are told apart and read
stored.py      arrays in the user's cache      cutting.py    tokens cut into documents
checking.py    whose ids they are

A layout is a file: nanogpt.py and llmc.py, one stream of ids; megatron.py, ids with an index of documents; columns.py,
Arrow and Parquet with a column of ids; dataset.py, a dataset of ours, with marks.py for its spans and parts.

No token is copied but for the documents of a shard that is being made, except from files that compress them.
"""
