"""The embedded substrate: one process of ours that answers for AWS on the loopback, with a world per account."""
