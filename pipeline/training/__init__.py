"""Rows for a training job: made or read as they are asked for, in order or at any place, shared by ranks.

row_sources.py  where rows come from: the shards of a plan (made), of a built dataset (read), or of any function
assignment.py   which rows, or shards, each rank and loader worker has
state.py        how far a stream has come, as it is saved and loaded
iteration.py    the rows of one reader in their order
positions.py    the row at an index, and how many there are
rows.py         one row out of a shard's columns
streams.py      Stream: all of these together
torch.py        for PyTorch's loaders
huggingface.py  for `datasets`
"""
