"""Rows for a training job, made or read on demand: in order or by index, divided among ranks.

row_sources.py  where rows come from: shards of a plan (made), of a built dataset (read), or of any function
assignment.py   which rows, or shards, each rank and loader worker has
state.py        the position of a stream, as it is saved and loaded
iteration.py    the rows of one reader in order
reshuffled.py   one phase of a split; epochs in orders of their own
positions.py    the row at an index, and the number of rows
rows.py         one row of a shard's columns
streams.py      Stream: all of these together
torch.py        for PyTorch's loaders
huggingface.py  for `datasets`
"""
