"""Words written by a language model, through any server that speaks the chat completions of OpenAI.

asking/      requests to servers: sent from many threads, retried
paraphrase/  template lines, asked for in batches; what is wrong with a line
rewriting/   whole biographies, the file of a source of the kind `rewritten` (sources/rewritten/ reads it)

What a server sends is data of a stranger: of limited size, checked, never run. Nothing here is imported by what plans
and builds datasets; they read files that were written once.
"""
