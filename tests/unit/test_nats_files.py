"""Secrets and certificates in files: what is read, and what is said of a file that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from environment.certificates import CertificateAuthority
from environment.nats_accounts import NatsAccount, Nkey
from tenure.nats.access import build_context
from tenure.nats.files import FILE_BYTES_MAX, FileUnusable
from tenure.nats.login import CredentialsLogin, Login, NkeyLogin, PasswordLogin, TokenLogin
from tenure.nats.settings import TlsSettings

# ------------------------------------------------------------------------------------------------------------- logins

_LOGINS: dict[str, Callable[[Path], Login]] = {
    "--nats-credentials": CredentialsLogin,
    "--nats-nkey": NkeyLogin,
    "--nats-password-file": lambda file: PasswordLogin("anna", file),
    "--nats-token-file": TokenLogin,
}


_NEXT = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "BCDEFGHIJKLMNOPQRSTUVWXYZ234567A")


def _read(login: Callable[[Path], Login], file: Path, content: str) -> dict[str, object]:
    file.write_text(content)
    return dict(login(file).read().options)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_the_line_without_its_break(tmp_path: Path, end: str) -> None:
    file = tmp_path / "secret"

    assert _read(TokenLogin, file, f" s3cret {end}") == {"token": " s3cret "}
    assert _read(_LOGINS["--nats-password-file"], file, f"pässwörd{end}") == {"user": "anna", "password": "pässwörd"}


@pytest.mark.parametrize("number", range(5))
def test_an_nkey_is_known_by_its_public_key(tmp_path: Path, number: int) -> None:
    user = Nkey()
    file = tmp_path / "user.nk"
    file.write_text(f"{user.seed}\n")

    assert NkeyLogin(file).read().public_nkey == user.public


def test_a_credentials_file_has_a_token_and_the_date_when_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    account = NatsAccount()
    file.write_text("some words before\n" + account.credentials(valid_for_s=60).replace("\n", "\r\n"))

    credential = CredentialsLogin(file).read()

    assert credential.expires_at is not None
    assert 50 < (credential.expires_at - datetime.now(UTC)).total_seconds() < 60
    assert credential.options["user_jwt_cb"]().decode() in file.read_text()
    file.write_text(account.credentials())
    assert CredentialsLogin(file).read().expires_at is None


@pytest.mark.parametrize(
    ("token", "expires_at"),
    [("no-jwt", None), ("a.b.c", None), ("a.e30.c", None), ("a.W10.c", None), ("a.eyJleHAiOiJ4In0.c", None)],
)
def test_whether_a_token_is_one_is_left_to_the_server(tmp_path: Path, token: str, expires_at: None) -> None:
    file = tmp_path / "user.creds"
    lines = NatsAccount().credentials().splitlines()
    file.write_text("\n".join([lines[0], token, *lines[2:]]))

    assert CredentialsLogin(file).read().expires_at is expires_at


@pytest.mark.parametrize("option", _LOGINS)
def test_a_file_that_cannot_be_read_is_named_with_its_option(tmp_path: Path, option: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"secret" * FILE_BYTES_MAX)
    (tmp_path / "loop").symlink_to("loop")
    complaints = {
        name: _complaint(lambda path: _LOGINS[option](path).read(), tmp_path / name)
        for name in ("missing", "folder", "pipe", "bytes", "large", "empty", "loop")
    }

    assert all(text.startswith(f"{option}: {tmp_path / name} ") for name, text in complaints.items())
    assert complaints["missing"].endswith("does not exist")
    assert complaints["folder"].endswith("is a folder or a device")
    assert complaints["pipe"].endswith("is a folder or a device")
    assert complaints["bytes"].endswith("is no text")
    assert complaints["large"].endswith(f"has more than {FILE_BYTES_MAX} bytes")


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("--nats-token-file", "", "is to have one line, the secret, and nothing else"),
        ("--nats-token-file", "\n", "is to have one line"),
        ("--nats-password-file", "s3cr3t\ns3cr3t", "is to have one line"),
        ("--nats-nkey", "secret!", "holds no seed of an nkey"),
        ("--nats-nkey", "séçret", "holds no seed of an nkey"),
        ("--nats-nkey", "SU", "holds a seed with a wrong or missing character"),
        ("--nats-nkey", Nkey().seed[:-1], "holds no seed of an nkey"),
        ("--nats-nkey", Nkey().seed[:-8], "holds a seed with a wrong or missing character"),
        ("--nats-nkey", Nkey().seed.swapcase(), "holds no seed of an nkey"),
        ("--nats-nkey", Nkey().seed.translate(_NEXT), "holds a seed with a wrong or missing character"),
        ("--nats-nkey", Nkey().public, "holds an nkey that is no seed"),
        ("--nats-nkey", Nkey("account").seed, "holds the seed of somebody else than a user"),
        ("--nats-credentials", Nkey().seed, "is no credentials file, with a user's JWT and nkey seed"),
        ("--nats-credentials", NatsAccount().credentials().partition("\n\n")[0], "is no credentials file"),
        (
            "--nats-credentials",
            NatsAccount().credentials().replace("\nSU", "\nsecret"),
            "holds no seed of an nkey",
        ),
    ],
    ids=[  # The keys are drawn anew each time.
        "token empty",
        "token of an empty line",
        "password of two lines",
        "nkey of other signs",
        "nkey of other letters",
        "nkey that is no more than its kind",
        "nkey without its last sign",
        "nkey without its end",
        "nkey in small letters",
        "nkey with other letters",
        "public nkey",
        "nkey of an account",
        "credentials that are an nkey",
        "credentials without an nkey",
        "credentials with a wrong nkey",
    ],
)
def test_what_is_wrong_in_a_file_is_said_without_what_is_in_it(
    tmp_path: Path, option: str, content: str, complaint: str
) -> None:
    file = tmp_path / "file"
    file.write_text(content)

    said = _complaint(lambda path: _LOGINS[option](path).read(), file)

    assert said.startswith(f"{option}: {file} {complaint}")
    assert all(line not in said for line in content.split("\n") if line)


@pytest.mark.parametrize("option", _LOGINS)
def test_no_login_shows_its_secret_by_accident(tmp_path: Path, option: str) -> None:
    contents = {"--nats-credentials": NatsAccount().credentials(), "--nats-nkey": Nkey().seed}
    file = tmp_path / "file"
    file.write_text(contents.get(option, "s3cr3t"))
    login = _LOGINS[option](file)

    shown = f"{login!r} {login.read()!r}"

    assert [line for line in file.read_text().splitlines() if line and line in shown] == []


# ---------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


def test_our_own_ca_is_trusted_in_place_of_the_systems(authority: CertificateAuthority) -> None:
    context = build_context(TlsSettings(ca_file=authority.certificate))

    assert [dict(*one["subject"]) for one in context.get_ca_certs()] == [{"commonName": "test environment"}]
    assert context.check_hostname


@pytest.mark.parametrize("content", ["", "\n", "-----BEGIN PRIVATE KEY-----"])
def test_a_ca_file_without_a_certificate_does_not_mean_that_the_systems_cas_are_trusted(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(content)

    complaint = _complaint(lambda path: build_context(TlsSettings(ca_file=path)), file)

    assert complaint == f"--nats-tls-ca: {file} has no certificate in PEM"


def test_what_is_wrong_with_a_pair_of_certificate_and_key_is_said(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    protected = tmp_path / "protected.key"
    key = ec.generate_private_key(ec.SECP256R1())
    protected.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))
    damaged = tmp_path / "damaged"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n")

    def load(certificate: Path, key: Path) -> str:
        return _complaint(lambda _: build_context(TlsSettings(None, certificate, key)), certificate)

    pair = f"does not belong to {one.certificate} (--nats-tls-cert), is damaged, or has a password"
    assert load(one.certificate, other.key) == f"--nats-tls-key: {other.key} {pair}"
    assert load(one.certificate, protected) == f"--nats-tls-key: {protected} {pair}"
    assert load(one.certificate, one.certificate) == f"--nats-tls-key: {one.certificate} has no private key in PEM"
    assert load(one.key, one.key) == f"--nats-tls-cert: {one.key} has no certificate in PEM"
    assert load(damaged, one.key).startswith(f"--nats-tls-key: {one.key} does not belong to {damaged}")
    assert load(tmp_path / "none", one.key) == f"--nats-tls-cert: {tmp_path / 'none'} does not exist"
    assert _complaint(lambda path: build_context(TlsSettings(ca_file=path)), damaged).endswith("a damaged certificate")


def _complaint(read: Callable[[Path], object], file: Path) -> str:
    with pytest.raises(FileUnusable) as complaint:
        read(file)
    return str(complaint.value)
