"""The file of biographies of a source of the kind `rewritten`: asked for, checked, kept, and written when complete.

job.py      what is to be written: the source's file, its people, what is there
writing.py  the requests, and the file
"""
