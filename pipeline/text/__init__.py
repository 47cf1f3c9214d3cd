"""Words to tokens. Templates become programs of pieces; pieces are tokenized once; a document is a gather.

words        languages.py            subjects, pronouns, and the filters that make words agree
templates    templates.py            a line of a template as pieces
             syntax.py               what a line may contain: parsed, cut into chunks, checked
             expressions.py          filters and branches, evaluated for every value ahead
             sandbox.py              what an expression may do
             value_sizes.py          how large its values may be
             fields.py               what the names in a template stand for
             pieces.py               literals and tables of texts, and the words around a value
tokenizers   tokenizer.py            texts to ids and back
             tokenizer_loading.py    the tokenizer that a recipe names
             tokenizer_json.py       a tokenizer.json of anybody, examined before use
             gpt2.py                 GPT-2's, and where its vocabulary is looked for
             symbols.py              tokens that are no text
             offsets.py              which stretch of a text a token belongs to
documents    outline.py              what documents contain, before it is tokens
             renderer.py             the fastest exact way to make documents of programs
             seams.py                where a text may be cut so that its tokens stay the same
             fusing.py               neighbours without such a cut as one piece
             compiler.py             programs to a table of fragments
             fragments.py            the fast path: documents gathered from that table
             render_and_encode.py    the slow path: documents rendered, and encoded whole
             shown_facts.py          which facts a reader of documents can distinguish
"""
