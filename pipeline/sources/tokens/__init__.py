"""Data that is tokenized already, as documents: datasets of ours, and the files of other trainers.

    files ──looked through once──► where each document begins and ends, in the user's cache ──► documents

spec.py        what a recipe says              source.py     documents, copied out of mapped files
finding.py     from names to files, on disks and in stores
layouts.py     a file of any layout            opening.py    what each layout needs to know
checking.py    whose ids they are              cutting.py    ids cut into documents

A layout is a file: nanogpt.py and llmc.py, one stream of ids; megatron.py, ids with an index of documents; columns.py,
Arrow and Parquet with a column of ids (saved.py: folders of them); dataset.py, a dataset of ours, with manifest.py for
what it says of itself, line.py for its rows, marks.py for spans and parts. kernels/ has the compiled loops.

No token is copied but for the documents of a shard that is being made, except from files that compress them.
"""
