"""What a row may hold beside its token ids."""
