"""What a recipe names → files on disks and in stores, each as it was when the plan was made.

places.py     from paths, patterns, folders and URLs to files
opening.py    a file opened as what it was when the plan was made
identity.py   what names the bytes of files: hashes, or ETags and times
parallel.py   work on many files at once, with progress
"""
