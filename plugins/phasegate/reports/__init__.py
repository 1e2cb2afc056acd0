"""What people see of a session; each report is a plugin on the hooks of `phasegate.hookspecs`."""
