"""The figures of the world: packs of priors, taxonomies and policies, read whole and checked before anything runs.

``load_packs`` returns all 22 packs as frozen models; ``Packs.parameter_hash`` names them by the bytes read. The views
of ``engine.config.views`` cut them into what one state reads. The order of a row in the file is the order in which it
is split or drawn from, but for parties and accounts, which go by their words.
"""

from engine.config.files import PACK_NAMES, PACKS, PackFile, PackName, Packs, locate
from engine.config.loader import load_packs

__all__ = ["PACKS", "PACK_NAMES", "PackFile", "PackName", "Packs", "load_packs", "locate"]
