"""Documents to sequences: token ids of different lengths become rows of one length."""
