"""Trainers of conversations, in an environment of their own, read exports and take a step with them."""
