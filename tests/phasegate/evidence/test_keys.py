"""Keys that are not good enough to sign or to be trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from phasegate.errors import EvidenceError
from phasegate.evidence.dsse import enveloped, opened
from phasegate.evidence.keys import KeyStore, public_key

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def pem(key: Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def store(folder: Path, **environment: str) -> KeyStore:
    return KeyStore("demo", {"XDG_CONFIG_HOME": str(folder), **environment})


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o602])
@pytest.mark.parametrize("kind", ["own", "file", "link"])
def test_a_private_key_that_others_can_read_or_change_is_not_used(tmp_path, kind, mode) -> None:
    keys = store(tmp_path)
    keys.signer()
    named = "file" if kind == "own" else f"file:{tmp_path / 'key.pem'}"
    if kind == "file":
        (tmp_path / "key.pem").write_bytes(keys.private.read_bytes())
    elif kind == "link":
        (tmp_path / "key.pem").symlink_to(keys.private)
    path = keys.private if kind != "file" else tmp_path / "key.pem"
    path.chmod(mode)
    with pytest.raises(EvidenceError, match="can be read or changed by others"):
        keys.signer(named)
    path.chmod(0o600)
    assert opened(enveloped({"a": 1}, keys.signer(named)), keys.keys()).statement == {"a": 1}


@pytest.mark.parametrize("bits", [1024, 2047, 2048])
def test_a_short_rsa_key_neither_signs_nor_is_trusted(tmp_path, bits) -> None:
    key = rsa.generate_private_key(65537, bits)
    (tmp_path / "public.pem").write_bytes(public_pem(key))
    keys = store(tmp_path, KEY=pem(key).decode())
    if bits < 2048:
        with pytest.raises(EvidenceError, match=f"an RSA key of {bits} bits"):
            keys.signer("env:KEY")
        with pytest.raises(EvidenceError, match=f"an RSA key of {bits} bits"):
            public_key(tmp_path / "public.pem")
    else:
        trusted = public_key(tmp_path / "public.pem")
        assert opened(enveloped({"a": 1}, keys.signer("env:KEY")), [trusted]).keyid == trusted.keyid


def test_a_pipe_among_the_trusted_keys_is_refused_and_not_waited_for(tmp_path) -> None:
    keys = store(tmp_path)
    keys.signer()
    keys.trusted.mkdir()
    os.mkfifo(keys.trusted / "other.pem")
    with pytest.raises(EvidenceError, match="is no file of a key"):
        keys.keys()


def test_what_never_ends_is_no_key(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        with pytest.raises(EvidenceError, match="is no regular file"):
            public_key(path)
    with pytest.raises(EvidenceError, match="is no regular file"):
        store(tmp_path).signer(f"file:{tmp_path / 'pipe'}")


def test_gates_trust_the_key_that_signs_and_those_that_are_trusted(tmp_path) -> None:
    other, third = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    keys = store(tmp_path, KEY=pem(other).decode())
    own = keys.signer().public_key
    assert [key.keyid for key in keys.of_gates() or ()] == [own.keyid, own.keyid]
    (tmp_path / "third.pem").write_bytes(public_pem(third))
    keys.trusted.mkdir()
    (keys.trusted / "third.pem").write_bytes(public_pem(third))
    known = {key.keyid for key in keys.of_gates("env:KEY") or ()}
    assert known == {own.keyid, keys.signer("env:KEY").public_key.keyid, public_key(tmp_path / "third.pem").keyid}
    assert keys.of_gates("sigstore:") is None
