"""Words to tokens. Templates become programs of pieces; pieces are tokenized once; a document is a gather.

    slot        a column of the facts: for each item, the number of a row in a finite table of texts
    piece       what a template shows at one place: a literal, or the table of a slot
    program     the pieces of one sentence, or of another stretch of words
    fragment    one row of one piece, as token ids
    outline     for each document, its programs in order, and about which facts each of them is
    label       the number of an attribute, on what shows a value of it; 0 for other words

words        languages.py            subjects, pronouns, and the filters that make words agree
             language_spec.py        the keys of a language file
templates    templates.py            a line of a template as pieces
             syntax.py               what a line may contain: parsed, cut into chunks, checked
             paths.py                paths from one individual to another, as variables
             written.py              what a line says, whatever the values are
             expressions.py          filters and branches, evaluated for every value ahead
             arithmetic.py           sums and the like, for millions of pairs of values at once
             sandbox.py              what an expression may do
             value_sizes.py          how large its values may be
             fields.py               what the variables of a template stand for
             pieces.py               literals and tables of texts, and the words around a value
tokenizers   tokenizer.py            texts to ids and back
             tokenizer_loading.py    the tokenizer that a recipe names
             alphabet.py             which characters have tokens, and which are left out
             byte_letters.py         bytes as the letters that byte-level tokenizers write for them
             tokenizer_json.py       an untrusted tokenizer.json, examined before use
             reduced_tokenizer.py    a tokenizer reduced to the tokens in use
             tokens_in_use.py        which these are, and the check that a text has no others
             gpt2.py                 GPT-2's tokenizer, from one of two places
             symbols.py              tokens that are no text
             offsets.py              which stretch of a text a token belongs to
many texts   encoding/               batches of texts to ids, by the fastest engine that is proved
chats        chat/                   chat templates, cut into their own words and contents
documents    outline.py              what documents contain, before it is tokens
             renderer.py             the fastest exact way to make documents of programs
             seams/                  where a text may be cut so that its tokens stay the same
             fusing.py               neighbours without such a cut as one piece
             compiler.py             programs, every seam of them proved
             fragment_table.py       programs of pieces as a table of fragments
             fragments.py            the fast path: documents gathered from that table
             render_and_encode.py    the slow path: documents rendered, and encoded whole
             shown_facts.py          which facts a reader of documents can distinguish
"""
