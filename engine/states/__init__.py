"""The states of Segment 6A. S2 to S4 are pure: inputs to a plan, a plan to parts of datasets."""
