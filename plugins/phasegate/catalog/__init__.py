"""The catalogue: what gates there are, what verifies them, what may block them."""
