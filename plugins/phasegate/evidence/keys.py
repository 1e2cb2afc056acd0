"""Signing keys: made on first use, kept outside every pack, named by configuration; and the public keys to trust.

A key is named by a text:

    file            the project's own key, an ed25519 key under the user's configuration folder, made on first use
    file:PATH       a private key in PEM, which nobody but its owner may read
    env:NAME        a private key in PEM, in a variable of the environment
    awskms:KEY      a key of AWS KMS, by id, alias or ARN (needs AWS credentials)
    sigstore:       the identity that the environment has (needs the package `sigstore`, which is not installed with
                    phasegate; its signatures have no public key in PEM that could be trusted here)

A key that is too short to rely on neither signs nor is trusted.
"""

# ruff: noqa: PLC0415 - the library, and the cryptography below it, are imported by who signs or verifies

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from phasegate.errors import EvidenceError, Problem

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

DEFAULT: Final = "file"
OVERRIDE: Final = "PHASEGATE_SIGNING_KEY"
"""The variable that names another key than the settings do."""
_PRIVATE, _PUBLIC = "signing.pem", "signing.pub.pem"
_OWNER_ONLY = 0o077
_LARGEST: Final = 1 << 20
"""Bytes that no key in PEM has."""
_LEAST_RSA_BITS: Final = 2_048
"""NIST SP 800-131A: signatures of shorter RSA keys prove nothing any more."""


class KeyStore:
    """The keys of one platform on this machine.

    Args:
        platform: The platform.
        environment: The environment; by default that of the process.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, platform: str, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        base = self._environment.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
        self.folder = Path(base) / "phasegate" / platform

    @property
    def private(self) -> Path:
        """The project's own signing key."""
        return self.folder / _PRIVATE

    @property
    def public(self) -> Path:
        """Its public half."""
        return self.folder / _PUBLIC

    @property
    def trusted(self) -> Path:
        """A folder of public keys that are trusted beside it: earlier ones, and those of others."""
        return self.folder / "trusted"

    def signer(self, named: str = DEFAULT) -> Signer:
        """The signer that a text names; `PHASEGATE_SIGNING_KEY` goes before it.

        Raises:
            EvidenceError: There is none, or it cannot be used.
        """
        named = self._environment.get(OVERRIDE) or named
        scheme, _, rest = named.partition(":")
        if named == DEFAULT:
            return self._own()
        if scheme == "file" and rest:
            return _private(Path(rest).expanduser(), "or name another key")
        if scheme == "env" and rest:
            pem = self._environment.get(rest)
            if not pem:
                raise _unusable(f"the variable {rest} is not set", named, f"set {rest} to a private key in PEM")
            return _signer_of(pem.encode(), f"variable {rest}")
        if scheme in {"awskms", "sigstore"}:
            return _remote(named)
        raise _unusable("is no key", named, "name file, file:PATH, env:NAME, awskms:KEY or sigstore:")

    def keys(self) -> list[Key]:
        """The public keys to trust: the project's own, and those in the trusted folder.

        Raises:
            EvidenceError: One of them cannot be read.
        """
        paths = [self.public] if self.public.is_file() else []
        return [public_key(path) for path in (*paths, *self.trusted_files())]

    def of_gates(self, named: str = DEFAULT) -> list[Key] | None:
        """The public keys that gates trust: those of `keys`, and that of the signer that a text names.

        Returns:
            None for `sigstore:`, whose signatures no public key in PEM verifies.

        Raises:
            EvidenceError: One of them cannot be read, or the signer cannot be used.
        """
        named = self._environment.get(OVERRIDE) or named
        if named.startswith("sigstore:"):
            return None
        return [self.signer(named).public_key, *self.keys()]

    def trusted_files(self) -> list[Path]:
        """The files of the trusted folder, in order.

        Raises:
            EvidenceError: Something else than a file bears the name of one; reading a pipe would never end.
        """
        paths = sorted(self.trusted.glob("*.pem")) if self.trusted.is_dir() else []
        for path in paths:
            if not path.is_file():
                raise _unusable("is no file of a key", str(path), "remove it")
        return paths

    def rotate(self) -> Path | None:
        """Retires the project's own key: its public half stays trusted, its private half is gone.

        Returns:
            Where the public half lies now; None where there was no key.

        Raises:
            EvidenceError: The files cannot be moved.
        """
        if not self.private.is_file():
            return None
        retired = self.trusted / f"{public_key(self.public).keyid[:16]}.pem"
        try:
            self.trusted.mkdir(parents=True, exist_ok=True)
            self.public.replace(retired)
            self.private.unlink()
        except OSError as error:
            raise _unusable(f"cannot be retired: {error.strerror}", str(self.folder), "make it writable") from error
        return retired

    def _own(self) -> Signer:
        if not self.private.is_file():
            self._make()
        signer = _private(self.private, "or `phasegate keys rotate`")
        if not self.public.is_file():  # whoever made the key did not live to write its other half
            self._publish(signer)
        return signer

    def _publish(self, signer: Signer) -> None:
        try:
            self.public.write_bytes(public_pem(signer.public_key))
        except OSError as error:
            raise _unusable(f"cannot be written: {error.strerror}", str(self.public), "make it writable") from error

    def _make(self) -> None:
        """Makes the key; of several processes at once, one wins and all use its key."""
        from securesystemslib.signer import CryptoSigner

        signer = CryptoSigner.generate_ed25519()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as aside:  # made with mode 600
                aside.write(signer.private_bytes)
                aside.flush()
                os.fsync(aside.fileno())
            with suppress(FileExistsError):  # another process was first, and its key is the key
                os.link(aside.name, self.private)
            Path(aside.name).unlink()
        except OSError as error:
            remedy = f"make the folder writable, or name another key in {OVERRIDE}"
            raise _unusable(f"no key can be made: {error.strerror}", str(self.folder), remedy) from error


def public_key(path: Path) -> Key:
    """A public key in PEM.

    Raises:
        EvidenceError: It cannot be read, or is none.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        public = load_pem_public_key(_read(path))
        key = SSlibKey.from_crypto(public)
    except EvidenceError:
        raise
    except Exception as error:
        raise _unusable(f"is no public key in PEM: {error}", str(path), "export it: `phasegate keys export`") from error
    _check_size(public, str(path))
    return key


def public_pem(key: Key) -> bytes:
    """A public key as PEM, for any tool."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    value = key.keyval["public"]
    if "BEGIN PUBLIC KEY" in value:
        return str(value).encode()
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(value))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private(path: Path, otherwise: str) -> Signer:
    """The signer of a private key in a file that only its owner can read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(f"cannot be read: {error.strerror}", str(path), "name a key that can be read") from error
    if mode & _OWNER_ONLY:
        fact = f"the signing key can be read or changed by others (mode {mode & 0o777:o})"
        raise _unusable(fact, str(path), f"chmod 600 {path}, {otherwise}")
    return _signer_of(_read(path), str(path))


def _check_size(key: object, place: str) -> None:
    """Refuses an RSA key that is too short; the curves that securesystemslib takes are all long enough."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    if isinstance(key, RSAPrivateKey | RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        fact = f"an RSA key of {key.key_size} bits proves nothing: {_LEAST_RSA_BITS} are the least"
        raise _unusable(fact, place, "make a longer one, or one of ed25519")


def _signer_of(pem: bytes, place: str) -> Signer:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    try:
        private = load_pem_private_key(pem, None)
        signer = CryptoSigner(private)
    except Exception as error:
        fact = f"is no private key in PEM without a password: {type(error).__name__}"
        raise _unusable(fact, place, "name another key, or `phasegate keys rotate`") from error
    _check_size(private, place)
    return signer


def _remote(named: str) -> Signer:
    from securesystemslib.exceptions import UnsupportedLibraryError
    from securesystemslib.signer import AWSSigner, SigstoreSigner

    scheme, _, rest = named.partition(":")
    try:
        if scheme == "awskms":
            uri, key = AWSSigner.import_(rest)
            return AWSSigner.from_priv_key_uri(uri, key)
        identity_uri, identity = SigstoreSigner.import_via_auth()
        return SigstoreSigner.from_priv_key_uri(identity_uri, identity)
    except UnsupportedLibraryError as error:
        raise _unusable(
            str(error), named, f"install what {scheme} needs beside phasegate, or name another key"
        ) from error
    except Exception as error:
        fact = f"the key cannot be used: {type(error).__name__}: {error}"
        raise _unusable(fact, named, "check the credentials and what the key allows, or name another key") from error


def _read(path: Path) -> bytes:
    try:
        if stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may never end
            with path.open("rb") as stream:
                return stream.read(_LARGEST)  # what is cut off is no key
    except OSError as error:
        raise _unusable(f"cannot be read: {error.strerror}", str(path), "name a key that can be read") from error
    raise _unusable("is no regular file", str(path), "name a file with a key in PEM")


def _unusable(fact: str, place: str, remedy: str) -> EvidenceError:
    return EvidenceError(Problem(fact, place, remedy))
