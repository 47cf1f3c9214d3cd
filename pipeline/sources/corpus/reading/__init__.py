"""Files → rows of text: an index of each file, made once; then any row by its number.

rows.py          the rows of all files, by number
index.py         what is known of a file: its blocks, the rows of each, what is left out
blocks.py        the rows of files that are read block by block
copies.py        a copy of the texts of a file, sealed and memory-mapped
choosing.py      which rows are documents, and which text of them: a column, a template, a filter
row_template.py  a user's template over the columns of a row
faults.py        broken rows: refused in which words, counted by which reasons
readers.py       how the files of each kind are read: once from the beginning, and block by block
lines.py         JSON lines and plain text       whole_text.py  CSV, and JSON arrays
tables.py        Parquet and Arrow
"""
