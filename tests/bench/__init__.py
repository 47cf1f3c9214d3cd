"""The benchmark: `python -m tests.bench`, or `make bench`. The cases stand in one table, in `__main__.py`."""
