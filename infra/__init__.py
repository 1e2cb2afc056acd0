"""The AWS side of dev_full: handles, stacks, the embedded substrate, the ingress handler, probes."""
