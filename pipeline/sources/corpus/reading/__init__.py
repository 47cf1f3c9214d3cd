"""Files → rows of text: an index of each file, made once; then any row by its number.

rows.py          the rows of all files, by number
index.py         what is known of a file: its blocks, the rows of each, what is left out
blocks.py        the rows of files that are read block by block
copying.py       copies of the texts of files, made once in the user's cache, and again where they are not as they were
copies.py        one that is read row by row           packed.py   one of a compressed file, read block by block
sealed.py        both: checked where they are read     room.py     whether the disk has room for them
choosing.py      which rows are documents, and which text of them: a column, a template, a filter
row_template.py  a user's template over the columns of a row
faults.py        broken rows: refused in which words, counted by which reasons
readers.py       how the files of each kind are read: once from the beginning, and block by block
lines.py         JSON lines and plain text       whole_text.py  CSV, and JSON arrays
tables.py        Parquet and Arrow
"""
