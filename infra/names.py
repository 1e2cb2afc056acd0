"""Names that who builds the platform, who emulates it and who judges it share."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "fraud-platform-dev-full"
"""With what the names of the platform's resources begin."""
PARAMETERS: Final = "/fraud-platform/dev_full"
"""Where its parameters lie."""
DEFAULT_ACCOUNT: Final = "000000000000"
"""The account of the platform on the embedded substrate."""

UNSUPPORTED: Final = "UnsupportedByEmulator"
"""The emulator has no such operation: an error of the substrate, never a finding about the platform."""
FAILED: Final = "EmulatorFailure"
"""The emulator broke while answering: likewise an error of the substrate."""
SUBSTRATE_CODES: Final = frozenset({UNSUPPORTED, FAILED})
"""Error codes by which a caller knows that the substrate, not the platform, is at fault; no AWS service has them."""
ERROR_HEADER: Final = "x-phasegate-error"
"""Response header that names the code too, for answers without a body (HEAD)."""
UNSUPPORTED_HEADER: Final = "x-phasegate-unsupported"
"""Response header of the edge where it lacks what an API asks for."""
CONTROL_PATH: Final = "/_phasegate/"
"""The private path of the substrate, which no S3 bucket can be named."""
