"""The machine around us: opening files safely, the terminal, signals, secrets, folders for caches."""
