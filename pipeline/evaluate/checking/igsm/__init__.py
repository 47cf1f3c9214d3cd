"""Grade-school problems (Parts 2.1 and 2.2): every step of a solution is checked."""
