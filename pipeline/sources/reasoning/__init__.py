"""Reasoning: problems that are solved step by step."""
