"""The sub-commands of `phasegate` that the framework brings itself."""
