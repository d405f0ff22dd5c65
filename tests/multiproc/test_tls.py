# SPDX-License-Identifier: Apache-2.0
"""TLS of the config store, between real processes: who gets in, who does not, and what each side is told."""
import socket
import ssl
import time

import pytest

from certificates import Authority
from actors import slowness
from pool import ERROR, G2H, make_pool

PAST = ("20200101000000Z", "20210101000000Z")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("tls") / "own")
    for name in ("server", "client", "other"):
        made.issue(name)
    return made.make_revocation_list()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "foreign").issue("server").issue("client")


def use_tls(actor, info):
    actor.call("tls", 1, -1, info)


def serve(harness, info, **environment):
    server = harness.actor("server", environment=environment or None)
    use_tls(server, info)
    server.call("create_store", harness.url)
    return server


def ask_init(actor, url, rank=0, world=1, timeout=3):
    actor.call("config_init")
    actor.call("config", "rankId", rank, "startConfigStore", 0, "initTimeout", timeout)
    return actor.ask("bm_init", url, world, 0)


def refused_at_once(harness, actor, naming):
    """The client's init fails, long before its timeout, and the text names the store and what is wrong."""
    started = time.monotonic()
    answer = ask_init(actor, harness.url, timeout=60)
    assert not answer.ok
    assert harness.url.removeprefix("tcp://") in answer.text, answer
    assert any(word in answer.text.lower() for word in naming), answer
    assert time.monotonic() - started < 10 * slowness()
    return answer


def still_serves(harness, authority):
    actor = harness.actor()
    use_tls(actor, authority.info("client"))
    assert ask_init(actor, harness.url, timeout=20).ok


@pytest.mark.parametrize("count", [2, 4])
def test_pool_over_tls(harness, authority, count):
    serve(harness, authority.info("server", revocation_list=True))
    ranks = harness.actors(count)
    for rank, actor in enumerate(ranks):
        use_tls(actor, authority.info("client", revocation_list=True))
        harness.init(actor, rank, count, startConfigStore=False)
    pool = make_pool(ranks)
    ranks[0].call("fill", pool.region(0), 4096, 1)
    buffer = ranks[1].value("alloc", 4096)
    ranks[1].call("copy", pool.handle(ranks[1]), G2H, 0, buffer, pool.region(0), 4096)
    ranks[1].call("check", buffer, 4096, 1)


def test_settings_by_environment(harness, authority):
    server = harness.actor(environment={"SMEM_CONF_STORE_TLS_INFO": authority.info("server")})
    server.call("create_store", harness.url)
    client = harness.actor(environment={"SMEM_CONF_STORE_TLS_INFO": authority.info("client")})
    assert ask_init(client, harness.url, timeout=20).ok


def test_call_wins_over_the_environment(harness, authority):
    server = harness.actor(environment={"SMEM_CONF_STORE_TLS_INFO": authority.info("server")})
    server.call("tls", 0, 0)
    server.call("create_store", harness.url)
    assert ask_init(harness.actor(), harness.url, timeout=20).ok


def test_plain_client_at_a_tls_store(harness, authority):
    serve(harness, authority.info("server"))
    refused_at_once(harness, harness.actor(), ["tls"])
    still_serves(harness, authority)


def test_tls_client_at_a_plain_store(harness, authority):
    server = harness.actor()
    server.call("create_store", harness.url)
    client = harness.actor()
    use_tls(client, authority.info("client"))
    refused_at_once(harness, client, ["tls"])
    assert ask_init(harness.actor(), harness.url, timeout=20).ok


def test_expired_certificate_of_the_client(harness, authority):
    """The client itself says so; it does not even try."""
    authority.issue("expired", start=PAST[0], end=PAST[1])
    serve(harness, authority.info("server"))
    client = harness.actor()
    use_tls(client, authority.info("expired"))
    answer = ask_init(client, harness.url, timeout=60)
    assert not answer.ok and "expired" in answer.text and "expired.crt" in answer.text, answer


def test_expired_certificate_of_the_server(harness, authority):
    authority.issue("expired-server", start=PAST[0], end=PAST[1])
    server = harness.actor()
    use_tls(server, authority.info("expired-server"))
    answer = server.ask("create_store", harness.url)
    assert not answer.ok and "expired" in answer.text, answer


def test_certificate_that_is_not_valid_yet(harness, authority):
    authority.issue("early", start="20400101000000Z", end="20410101000000Z")
    server = harness.actor()
    use_tls(server, authority.info("early"))
    answer = server.ask("create_store", harness.url)
    assert not answer.ok and "2040" in answer.text, answer


def test_revoked_certificate_of_a_client(harness, tmp_path):
    own = Authority(tmp_path / "revoking").issue("server").issue("client").issue("revoked").revoke("revoked")
    serve(harness, own.info("server", revocation_list=True))
    client = harness.actor()
    use_tls(client, own.info("revoked"))
    refused_at_once(harness, client, ["revoked", "certificate"])
    still_serves(harness, own)


def test_revoked_certificate_of_the_server(harness, tmp_path):
    own = Authority(tmp_path / "revoking").issue("server").issue("client").revoke("server")
    serve(harness, own.info("server"))
    client = harness.actor()
    use_tls(client, own.info("client", revocation_list=True))
    refused_at_once(harness, client, ["revoked"])


def test_foreign_certificate_of_a_client(harness, authority, foreign):
    serve(harness, authority.info("server"))
    client = harness.actor()
    use_tls(client, foreign.info("client", authority))
    refused_at_once(harness, client, ["certificate", "unknown ca"])
    still_serves(harness, authority)


def test_foreign_certificate_of_the_server(harness, authority, foreign):
    serve(harness, foreign.info("server"))
    client = harness.actor()
    use_tls(client, authority.info("client"))
    refused_at_once(harness, client, ["certificate"])


def test_client_without_a_certificate(harness, authority):
    """Not with this library: whatever speaks TLS and has no certificate is shown the door."""
    serve(harness, authority.info("server"))
    context = ssl.create_default_context(cafile=authority.folder / "ca.crt")
    host, _, port = harness.url.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
                secured.sendall(b"hello")
                if not secured.recv(1):
                    raise ConnectionError("closed")
    still_serves(harness, authority)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_older_protocols_are_refused(harness, authority, version):
    serve(harness, authority.info("server"))
    context = ssl.create_default_context(cafile=authority.folder / "ca.crt")
    context.load_cert_chain(authority.folder / "client.crt", authority.folder / "client.key")
    context.maximum_version = version
    host, _, port = harness.url.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="127.0.0.1")
    still_serves(harness, authority)


# ---- passwords and decrypt handlers ----

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def locked(authority):
    authority.issue("locked", password=PASSWORD)
    return authority


def password_file(tmp_path, text):
    path = tmp_path / "password"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_encrypted_key_with_its_password(harness, locked, tmp_path):
    serve(harness, locked.info("locked", password_file=password_file(tmp_path, PASSWORD + "\n")))
    still_serves(harness, locked)


@pytest.mark.parametrize("form", ["c", "sized", "cxx"])
def test_decrypt_handler_gives_the_password(harness, locked, tmp_path, form):
    server = harness.actor()
    server.call("decrypt", form)
    use_tls(server, locked.info("locked", password_file=password_file(tmp_path, PASSWORD[::-1])))
    server.call("create_store", harness.url)
    still_serves(harness, locked)


def test_wrong_password(harness, locked, tmp_path):
    server = harness.actor()
    use_tls(server, locked.info("locked", password_file=password_file(tmp_path, "battery staple")))
    answer = server.ask("create_store", harness.url)
    assert not answer.ok and "password" in answer.text and "locked.key" in answer.text, answer
    assert "battery" not in answer.text and "battery" not in server.stderr()


def test_missing_password(harness, locked):
    server = harness.actor()
    use_tls(server, locked.info("locked"))
    answer = server.ask("create_store", harness.url)
    assert not answer.ok and "password" in answer.text, answer


@pytest.mark.parametrize("form", ["c", "sized", "cxx"])
def test_decrypt_handler_that_fails(harness, locked, tmp_path, form):
    server = harness.actor()
    server.call("decrypt", form)
    use_tls(server, locked.info("locked", password_file=password_file(tmp_path, "!" + PASSWORD[::-1])))
    answer = server.ask("create_store", harness.url)
    assert not answer.ok and "decrypt" in answer.text, answer
    assert PASSWORD[::-1] not in answer.text


# ---- the TLS string ----


def test_tls_string_must_be_there_and_not_too_long(harness, authority):
    actor = harness.actor()
    actor.fails(ERROR, "tls", 1, 0, naming="null")
    actor.fails(ERROR, "tls", 1, 10 * 1024 + 1, authority.info("server"), naming="10241")
    actor.call("tls", 0, 0)
    actor.call("tls", 0, 1 << 31, "ignored")


@pytest.mark.parametrize("missing", ["tlsCert", "tlsPk", "tlsCaPath"])
def test_what_the_tls_string_does_not_say(harness, authority, missing):
    pairs = [
        pair
        for pair in authority.info("server").split("; ")
        if not pair.startswith((missing + ":", "tlsCaFile" if missing == "tlsCaPath" else "-"))
    ]
    actor = harness.actor()
    use_tls(actor, "; ".join(pairs))
    answer = actor.ask("create_store", harness.url)
    assert not answer.ok and missing in answer.text, answer


@pytest.mark.parametrize("key", ["tlsCert", "tlsPk", "tlsCaFile"])
def test_files_that_are_not_there(harness, authority, key):
    pairs = [
        f"{key}: /nowhere/at-all;" if pair.startswith(key + ":") else pair + ";"
        for pair in authority.info("server").rstrip(";").split("; ")
    ]
    actor = harness.actor()
    use_tls(actor, " ".join(pairs))
    answer = actor.ask("create_store", harness.url)
    assert not answer.ok and "/nowhere/at-all" in answer.text, answer


def test_key_of_another_certificate(harness, authority):
    info = authority.info("server").replace("server.key", "other.key")
    actor = harness.actor()
    use_tls(actor, info)
    answer = actor.ask("create_store", harness.url)
    assert not answer.ok and "other.key" in answer.text, answer
