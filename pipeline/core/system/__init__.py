"""The operating system: files, terminal, signals, secrets, caches.

open_files  opens files that others named or wrote, safely; writes files whole or not at all
reading     reads text files that others wrote: lines, tables, errors of UTF-8
escaping    makes texts safe to show: control characters written out, long texts shortened
output      the only writers of stdout and stderr
signals     Ctrl-C, `kill`, and a terminal that is closed
secrets     finds passwords and tokens, so that they are not shown or passed on
stores      object stores that fsspec speaks to
reliance    what work relies on that was proved, and what of that is found to be wrong
caches      the folder of the user's caches, or a temporary one
kept_arrays, object_cache   what is kept there: facts about files as arrays; objects, such as plans
journal     results as they come, in a file that survives a kill
processor   its name, for records of what was measured
progress    a bar on a terminal, a line now and then elsewhere
work_warnings   warnings of work, perhaps in another process, for whoever asked for it
"""
