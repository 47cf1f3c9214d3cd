"""The compiled loop that copies documents out of files."""
