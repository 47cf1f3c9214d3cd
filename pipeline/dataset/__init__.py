"""What was built, on its way back.

reader.py        Dataset: the manifest, and the rows of splits, each file checked before it is read
manifest.py      manifest.json
shard_record.py  what is known of one shard: the manifest's entries, and files of their own while a build goes on
recorded.py      a file held against what is recorded of it
seals.py         the hash that a text of a dataset carries
card.py          README.md as it is built: YAML header, tables, a document of each source, citation
card_on_hub.py   README.md as it is sent to the Hub: with the repository's name and the licence
card_marks.py    README.md as people edit it: what is ours in it is written anew, their own words stay
markdown.py      any text, shown in Markdown or LaTeX as it is
"""

from pipeline.dataset.reader import Dataset

__all__ = ["Dataset"]
