"""TLS in each form: spoken, refused with a sentence that names the option, and never left out. Needs a nats-server."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.harness import assert_calm, connected, eventually, fast, refusal
from environment import NatsServer
from environment.certificates import CertificateAuthority, KeyPair
from environment.ports import LOOPBACK, free_ports
from environment.serving import served_by
from tenure.nats.settings import NatsSettings, TlsSettings


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


@pytest.fixture
def other_authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "other-ca")


def tls_config(authority: CertificateAuthority, *hosts: str, **settings: Any) -> dict[str, Any]:
    """Return the configuration of a server with a certificate for these hosts, and that of loopback if none."""
    pair = authority.issue("server", hosts=hosts or (LOOPBACK,))
    return {"tls": {"cert_file": str(pair.certificate), "key_file": str(pair.key), **settings}}


def mutual(authority: CertificateAuthority) -> dict[str, str | bool]:
    """Return what makes a server ask for a client certificate of this authority."""
    return {"ca_file": str(authority.certificate), "verify": True}


async def _connect(settings: NatsSettings) -> None:
    async with connected(settings):
        pass


def _trusting(authority: CertificateAuthority, pair: KeyPair | None = None, *, first: bool = False) -> TlsSettings:
    tls = TlsSettings(authority.certificate, handshake_first=first)
    return tls if pair is None else replace(tls, certificate_file=pair.certificate, key_file=pair.key)


async def test_a_server_is_trusted_by_our_ca_alone(
    tmp_path: Path,
    authority: CertificateAuthority,
    other_authority: CertificateAuthority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with NatsServer(tmp_path, config=tls_config(authority)) as server:
        tls_url = server.url.replace("nats://", "tls://")
        for url in (server.url, tls_url):
            await _connect(fast(url, tls=_trusting(authority)))

        by_another = await refusal(fast(server.url, tls=_trusting(other_authority)), caplog)
        by_the_system = await refusal(fast(tls_url), caplog)
        unasked = await refusal(fast(server.url), caplog)

    untrusted = "has signed (unable to get local issuer certificate): name the one that has in --nats-tls-ca"
    assert by_another == f"{server.url} has a certificate that no CA in {other_authority.certificate} {untrusted}"
    assert by_the_system == f"{tls_url} has a certificate that no CA of this system {untrusted}"
    assert unasked == f"{server.url} has a certificate that no CA of this system {untrusted}"
    assert_calm(caplog)


async def test_a_certificate_has_to_be_in_force_and_for_the_name_that_we_call(
    tmp_path: Path, authority: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    server = NatsServer(tmp_path, config=tls_config(authority, "localhost", "nats.example"))
    by_name = server.url.replace(LOOPBACK, "localhost")
    with server:
        await _connect(fast(by_name, tls=_trusting(authority)))
        by_address = await refusal(fast(server.url, tls=_trusting(authority)), caplog)

        authority.issue("server", hosts=("localhost",), valid_for=dt.timedelta(minutes=-1))
        await asyncio.to_thread(server.restart)
        expired = await refusal(fast(by_name, tls=_trusting(authority)), caplog)

    assert by_address == (
        f"{server.url} has a certificate for other names than {LOOPBACK}: use one of its names in --nats-url"
    )
    assert expired == f"{by_name} has a certificate that has expired: renew it"


async def test_a_server_may_ask_for_our_certificate(
    tmp_path: Path,
    authority: CertificateAuthority,
    other_authority: CertificateAuthority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = tls_config(authority, **mutual(authority))
    with NatsServer(tmp_path, config=config) as server:
        await _connect(fast(server.url, tls=_trusting(authority, authority.issue("client"))))
        none = await refusal(fast(server.url, tls=_trusting(authority)), caplog)
        wrong = await refusal(fast(server.url, tls=_trusting(authority, other_authority.issue("client"))), caplog)

    assert none.startswith(f"{server.url} did not let us in (")
    assert none.endswith("): if it asks for a client certificate, set --nats-tls-cert and --nats-tls-key")
    assert wrong.endswith("): it may not trust the certificate of --nats-tls-cert")
    assert_calm(caplog)


async def test_our_certificate_may_be_the_login(
    tmp_path: Path, authority: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    config = tls_config(authority, ca_file=str(authority.certificate), verify_and_map=True)
    config["authorization"] = {"users": [{"user": "CN=operator"}]}
    with NatsServer(tmp_path, config=config) as server:
        await _connect(fast(server.url, tls=_trusting(authority, authority.issue("operator"))))
        stranger = await refusal(fast(server.url, tls=_trusting(authority, authority.issue("stranger"))), caplog)

    assert stranger == (
        f"{server.url} asks for a login, and does not take the certificate of --nats-tls-cert for one "
        "(Authorization Violation)"
    )


async def test_tls_may_come_first(
    tmp_path: Path, authority: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Then nothing at all is said in the clear. Both sides have to know."""
    with (
        NatsServer(tmp_path / "first", config=tls_config(authority, handshake_first=True)) as first,
        NatsServer(tmp_path / "second", config=tls_config(authority)) as second,
    ):
        await _connect(fast(first.url, tls=_trusting(authority, first=True)))
        unknown = await refusal(fast(first.url, tls=_trusting(authority)), caplog)
        unwanted = await refusal(fast(second.url, tls=_trusting(authority, first=True)), caplog)

    assert unknown.endswith("): if it has handshake_first, set --nats-tls-first")
    assert unwanted.endswith("): if it has no handshake_first, leave out --nats-tls-first")


async def test_files_are_read_again_for_each_connection(
    tmp_path: Path, authority: CertificateAuthority, other_authority: CertificateAuthority
) -> None:
    """All three change at once: server and clients get certificates of another CA."""
    ca, certificate, key = (tmp_path / name for name in ("ca.crt", "tls.crt", "tls.key"))

    def mount(authority: CertificateAuthority) -> None:
        pair = authority.issue("client")
        for source, target in ((authority.certificate, ca), (pair.certificate, certificate), (pair.key, key)):
            shutil.copy(source, target)

    mount(authority)
    with NatsServer(tmp_path, config=tls_config(authority, **mutual(authority))) as server:
        async with connected(fast(server.url, tls=TlsSettings(ca, certificate, key))) as connection:
            server.config = tls_config(other_authority, **mutual(other_authority))
            await asyncio.to_thread(server.restart)
            mount(other_authority)
            await eventually(lambda: connection.connection == 2)


async def test_another_server_of_the_cluster_is_trusted_under_the_name_that_we_know(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    """It announces its address only, which its certificate does not have."""
    ports = free_ports(2)
    routes = [f"nats://{LOOPBACK}:{port}" for port in ports]
    first, second = (
        NatsServer(
            tmp_path / name,
            name=name,
            config={
                **tls_config(authority, "localhost"),
                "jetstream": False,
                "cluster": {"name": "two", "listen": f"{LOOPBACK}:{port}", "routes": routes},
            },
        )
        for name, port in zip(("first", "second"), ports, strict=True)
    )
    by_name = first.url.replace(LOOPBACK, "localhost")
    with first:
        async with connected(fast(by_name, tls=_trusting(authority))) as connection:
            with second:
                client = connection.session().client
                await eventually(lambda: client.discovered_servers)  # announced while we were connected
                await asyncio.to_thread(first.kill)
                await eventually(lambda: connection.connection == 2)
                assert connection.session().client._server_info["server_name"] == "second"


# ----------------------------------------------------------------------------------------------------- not in the clear


@asynccontextmanager
async def _listener(info: dict[str, Any]) -> AsyncIterator[tuple[str, Callable[[], bytes]]]:
    """Somebody who says this of himself instead of the server, and notes all that he hears."""
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"INFO {json.dumps(info)}\r\n".encode())
        while data := await reader.read(1000):
            heard.extend(data)
            writer.write(b"PONG\r\n")

    async with served_by(serve) as address:
        yield address, lambda: bytes(heard)


@pytest.mark.parametrize("by_url", [True, False])
async def test_no_login_is_sent_in_the_clear_where_tls_is_asked_for(
    authority: CertificateAuthority, caplog: pytest.LogCaptureFixture, by_url: bool
) -> None:
    """Whoever sits in between may say that the server has no TLS."""
    async with _listener({"tls_required": False, "auth_required": True, "max_payload": 1000}) as (address, heard):
        url = f"{'tls' if by_url else 'nats'}://{address}"
        tls = TlsSettings() if by_url else _trusting(authority)
        said = await refusal(fast(url.replace("//", "//anna:secret@"), tls=tls), caplog)

        assert heard() == b""
    who_asks = "tls:// in --nats-url" if by_url else "--nats-tls-ca"
    assert said == f"{url} speaks no TLS, for which {who_asks} asks"


async def test_tls_is_spoken_with_a_server_that_leaves_it_to_us(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    config = {**tls_config(authority), "allow_non_tls": True}
    with NatsServer(tmp_path, config=config) as server:
        async with connected(fast(server.url, tls=_trusting(authority))) as connection:
            transport: Any = connection.session().client._transport
            assert transport._io_writer.get_extra_info("ssl_object") is not None
