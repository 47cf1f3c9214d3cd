"""Floor 1: words to tokens. Templates become literals and slots; pieces are tokenized once; a document is a gather."""
