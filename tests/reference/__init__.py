"""Oracles: slow, plain implementations that the package must agree with."""
