"""The kinds of resources that the stacks are built of, grouped by service."""
