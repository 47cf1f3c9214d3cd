"""Checks of grade-school problems and their solutions, from the text alone: nothing here knows how they are made."""
