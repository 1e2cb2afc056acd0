"""The ingress handler that the runtime stack deploys, and its package."""
