"""The pytest glue: options and markers, collection order, outcomes, attempts, and the two sides of xdist."""
