"""The data plane that the emulated AWS lacks: HTTP APIs answer requests, and deployed functions run.

It lives in the substrate's process and reads API, stage, route, integration and function from the emulated control
plane at every request, so whatever drifts there shows at the next one.
"""
