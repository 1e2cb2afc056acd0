"""The board: may a phase advance, and if not, what blocks, who owns it, what closes it, and what to do next."""
