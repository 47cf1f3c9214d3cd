"""A built dataset, read back: manifest, rows, card.

reader.py        Dataset: the manifest and the rows of splits; each file is checked before it is read
manifest.py      manifest.json
shard_record.py  the record of one shard: an entry of the manifest; a file while a build goes on
sweep_index.py   sweep.json: in which folder the dataset of each cell of a sweep lies
recorded.py      a file checked against its recorded size and hash
seals.py         the hash inside a text file of a dataset
card.py          README.md as it is built: YAML header, tables, a document of each source, citation
card_on_hub.py   README.md as it is sent to the Hub: with the repository's name and the licence
card_marks.py    README.md as people edit it: our part is rewritten, theirs is kept
markdown.py      any text, escaped for Markdown and LaTeX
"""

from pipeline.dataset.reader import Dataset

__all__ = ["Dataset"]
