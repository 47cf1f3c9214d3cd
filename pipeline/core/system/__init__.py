"""The machine around us.

open_files files that others named or wrote, opened safely; files written whole or not at all
reading    text files that others wrote: lines, tables, what is no UTF-8
escaping   texts made fit to be shown: control characters written out, long ones shortened
output     the one writer for stdout and the one for stderr
signals    Ctrl-C, `kill`, and a terminal that goes away
secrets    passwords and tokens, which are not shown or handed on
caches     where the user's caches lie, and what stands in for them
"""
