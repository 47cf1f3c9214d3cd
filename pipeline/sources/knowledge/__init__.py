"""Sources about the individuals of a world."""
