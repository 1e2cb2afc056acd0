"""The data engine: segment 6A, states S0 to S5, from a seed to a validated world."""
