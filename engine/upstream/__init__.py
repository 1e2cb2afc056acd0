"""The world that segment 6A builds on, made up: outlets, arrivals, merchants and the gates of the eight segments.

``build_upstream`` makes the files of any scale from nothing but the scale and the parameter hash; ``write_upstream``
puts them where the catalogue expects them; ``verify_gate`` recomputes a segment's flag by that segment's own law.
At scale 1.0 the shares of countries and the volume of arrivals are those of the reference world.
"""

from engine.upstream.build import UpstreamWorld, build_upstream, manifest_fingerprint, write_upstream
from engine.upstream.demand import Demand, read_demand
from engine.upstream.gates import GATES, Gate, GateReading, verify_gate
from engine.upstream.shape import REFERENCE_MULTIPLIER, REFERENCE_SEED, WorldShape, world_shape

__all__ = [
    "GATES",
    "REFERENCE_MULTIPLIER",
    "REFERENCE_SEED",
    "Demand",
    "Gate",
    "GateReading",
    "UpstreamWorld",
    "WorldShape",
    "build_upstream",
    "manifest_fingerprint",
    "read_demand",
    "verify_gate",
    "world_shape",
    "write_upstream",
]
