"""What a recipe names → files on disks and in stores, each as it was when the plan was made.

places.py     from paths, patterns, folders and URLs to files
file.py       a file, and what its disk or store says of it
known.py      what names the bytes of files: hashes, or ETags and times
opening.py    a file opened as what it was when the plan was made
streams.py    streams of bzip2 and xz, one after the other, as one file
parallel.py   work on many files at once, with progress
"""
