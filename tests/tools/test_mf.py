# SPDX-License-Identifier: Apache-2.0
"""The command `mf`: info, options, certs, and what all subcommands share."""
import json
import pathlib
import stat
import subprocess

import pytest
from conftest import ROOT


def test_version_is_the_librarys(mf):
    version = (ROOT / "CMakeLists.txt").read_text().split("MEMFABRIC_VERSION ")[1].split()[0]
    result = mf("--version")
    assert result.returncode == 0
    assert result.stdout == f"mf {version}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run"], ["store"], ["certs"], ["run", "-n", "0", "--", "true"],
                                       ["run", "-n", "1025", "--", "true"], ["run", "-n", "x", "--", "true"],
                                       ["options", "--json", "--markdown"]])
def test_wrong_arguments_are_an_error_with_a_hint(mf, arguments):
    result = mf(*arguments)
    assert result.returncode not in (0, 1)
    assert "--help" in result.stderr


def test_info_names_every_check_and_advises_where_one_fails(mf):
    checks = json.loads(mf("info", "--json").stdout)["checks"]
    by_name = {check["name"]: check for check in checks}
    for name in ["system", "page size", "processors", "NUMA nodes", "memory", "overcommit", "huge pages (pool)",
                 "huge pages (transparent, shmem)", "shared segments (memfd, sealing)", "address space", "cross-memory attach",
                 "runtime folder", "locked memory", "open files", "mappings", "device provider", "fabric", "libfabric", "fabric provider tcp;ofi_rxm"]:
        check = by_name[name]
        assert isinstance(check["ok"], bool)
        assert check["value"]
        assert check["ok"] or check["advice"], f"{name} fails without advice"
    page = subprocess.run(["getconf", "PAGESIZE"], capture_output=True, text=True, check=True).stdout
    assert by_name["page size"]["value"] == f"{int(page) // 1024} KiB"
    assert by_name["shared segments (memfd, sealing)"]["ok"]
    assert by_name["address space"]["ok"]


def test_info_table_has_every_check(mf):
    names = [check["name"] for check in json.loads(mf("info", "--json").stdout)["checks"]]
    result = mf("info")
    assert result.returncode == 0
    for name in names:
        assert name in result.stdout


def info_of(mf, **environment):
    found = json.loads(mf("info", "--json", env=environment).stdout)
    return {check["name"]: check for check in found["checks"]}, found["fabric"]


def test_info_lists_fabric_providers_and_the_one_that_is_chosen(mf):
    checks, fabric = info_of(mf)
    providers = {provider["name"]: provider for provider in fabric["providers"]}
    assert providers["tcp;ofi_rxm"]["usable"] and providers["tcp;ofi_rxm"]["ways"]
    assert fabric["chosen"] in providers and providers[fabric["chosen"]]["usable"]
    assert fabric["chosen"] in checks["fabric"]["value"] and checks["fabric"]["ok"]
    for provider in fabric["providers"]:
        assert provider["usable"] or provider["note"], f"{provider['name']} is not usable without a reason"
        assert checks[f"fabric provider {provider['name']}"]["ok"] is provider["usable"]
    assert "used as tcp;ofi_rxm" in providers["tcp"]["note"]
    if not any(pathlib.Path("/sys/class").glob("infiniband/*")):
        assert "no RDMA device" in providers["verbs;ofi_rxm"]["note"]


def test_info_lists_network_interfaces(mf):
    checks, fabric = info_of(mf)
    interfaces = {interface["name"]: interface for interface in fabric["interfaces"]}
    assert interfaces.keys() == {path.name for path in pathlib.Path("/sys/class/net").iterdir() if path.is_dir()}
    assert interfaces["lo"]["loopback"] and "127.0.0.1" in interfaces["lo"]["addresses"]
    mtu = pathlib.Path("/sys/class/net/lo/mtu").read_text(encoding="ascii").strip()
    assert f"MTU {mtu}" in checks["network lo"]["value"]


@pytest.mark.parametrize("variable, value", [("MF_FABRIC_PROVIDER", "nonsense"), ("MF_FABRIC_ADDRESS", "203.0.113.77")])
def test_info_says_why_no_fabric_is_chosen(mf, variable, value):
    checks, _ = info_of(mf, **{variable: value})
    assert not checks["fabric"]["ok"]
    assert value in checks["fabric"]["value"] and variable in checks["fabric"]["advice"]


def test_info_takes_the_provider_and_address_that_are_asked_for(mf):
    checks, fabric = info_of(mf, MF_FABRIC_PROVIDER="tcp;ofi_rxm", MF_FABRIC_ADDRESS="127.0.0.1")
    assert (fabric["chosen"], fabric["chosen_domain"], fabric["local_address"]) == ("tcp;ofi_rxm", "lo", "127.0.0.1")
    assert "lo (127.0.0.1)" in checks["fabric"]["value"]


def test_info_names_the_device_of_a_provider_that_is_at_no_interface(mf):
    checks, fabric = info_of(mf, MF_FABRIC_PROVIDER="shm")
    assert fabric["chosen"] == "shm" and checks["fabric"]["ok"]
    assert "shm at its device shm" in checks["fabric"]["value"]


def test_info_shows_the_ascend_path_and_a_bad_base(mf):
    checks = json.loads(mf("info", "--json", env={"ASCEND_HOME_PATH": "/opt/ascend", "MF_GVA_BASE": "zzz"}).stdout)["checks"]
    by_name = {check["name"]: check for check in checks}
    assert "/opt/ascend" in by_name["device provider"]["value"]
    assert not by_name["address space"]["ok"]
    assert "MF_GVA_BASE" in by_name["address space"]["value"]


def test_options_page_is_up_to_date(mf):
    result = mf("options", "--markdown")
    assert result.returncode == 0
    assert result.stdout == (ROOT / "docs" / "options.md").read_text(), "run: mf options --markdown > docs/options.md"


def test_options_show_what_the_environment_says(mf):
    rows = json.loads(mf("options", "--json", env={"MF_COPY_THREADS": "3"}).stdout)["options"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["MF_COPY_THREADS"]["value"] == "3"
    assert by_name["MF_COPY_THREADS"]["given"] is True
    assert by_name["MF_ARENA_SIZE"]["given"] is False
    assert by_name["MF_ARENA_SIZE"]["range"] == "1G to 64T"
    assert by_name["MF_LOST_AFTER"]["range"] == "1ms to 1440m"
    table = mf("options", env={"MF_COPY_THREADS": "3"}).stdout
    assert "MF_COPY_THREADS=3  (given)" in table


def test_options_refuse_a_value_outside_its_range(mf):
    result = mf("options", env={"MF_COPY_THREADS": "65"})
    assert result.returncode == 1
    assert "MF_COPY_THREADS" in result.stderr and "65" in result.stderr


def test_options_warn_of_unknown_names(mf):
    result = mf("options", env={"MF_COPY_THREAD": "3"})
    assert result.returncode == 0
    assert "did you mean MF_COPY_THREADS?" in result.stderr


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_certs_make_what_openssl_verifies(mf, tmp_path):
    folder = tmp_path / "pki"
    result = mf("certs", "--out", folder, "--host", "node1,10.0.0.5,::1", "--days", "30")
    assert result.returncode == 0, result.stderr
    for name in ("server", "client"):
        assert f"tlsCert: {folder}/{name}.crt; tlsPk: {folder}/{name}.key" in result.stdout
        assert openssl("verify", "-crl_check", "-CAfile", folder / "ca.crt", "-CRLfile", folder / "ca.crl",
                       folder / f"{name}.crt").returncode == 0
        assert stat.S_IMODE((folder / f"{name}.key").stat().st_mode) == 0o600
    text = openssl("x509", "-in", folder / "server.crt", "-noout", "-text").stdout
    assert "DNS:node1, IP Address:10.0.0.5, IP Address:0:0:0:0:0:0:0:1" in text
    assert "prime256v1" in text
    assert openssl("x509", "-in", folder / "server.crt", "-noout", "-checkend", 29 * 86400).returncode == 0
    assert openssl("x509", "-in", folder / "server.crt", "-noout", "-checkend", 31 * 86400).returncode == 1


def test_certs_never_overwrite_an_authority(mf, tmp_path):
    assert mf("certs", "--out", tmp_path / "pki").returncode == 0
    before = (tmp_path / "pki" / "ca.crt").read_bytes()
    refused = mf("certs", "--out", tmp_path / "pki")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert (tmp_path / "pki" / "ca.crt").read_bytes() == before
    assert mf("certs", "--out", tmp_path / "pki", "--force").returncode == 0
    assert (tmp_path / "pki" / "ca.crt").read_bytes() != before


def test_certs_revoke_and_add(mf, tmp_path):
    folder = tmp_path / "pki"
    assert mf("certs", "--out", folder).returncode == 0
    added = mf("certs", "--out", folder, "--add", "node7", "--host", "node7")
    assert added.returncode == 0
    assert f"tlsCert: {folder}/node7.crt" in added.stdout
    assert mf("certs", "--out", folder, "--revoke", folder / "client.crt").returncode == 0
    verify = ["verify", "-crl_check", "-CAfile", folder / "ca.crt", "-CRLfile", folder / "ca.crl"]
    assert "revoked" in openssl(*verify, folder / "client.crt").stderr
    assert openssl(*verify, folder / "node7.crt").returncode == 0
    missing = mf("certs", "--out", folder, "--revoke", folder / "nobody.crt")
    assert missing.returncode == 1
    assert "nobody.crt" in missing.stderr


@pytest.mark.parametrize("given_by", ["--password", "--password-file"])
def test_certs_encrypt_keys(mf, tmp_path, given_by):
    folder = tmp_path / "pki"
    (tmp_path / "secret").write_text("pass word\n")
    password = "pass word" if given_by == "--password" else tmp_path / "secret"
    result = mf("certs", "--out", folder, given_by, password)
    assert result.returncode == 0
    assert f"tlsPkPwd: {folder}/key.password" in result.stdout
    assert "pass word" not in result.stdout + result.stderr
    assert "ENCRYPTED" in (folder / "server.key").read_text()
    assert (folder / "key.password").read_text() == "pass word"
    assert stat.S_IMODE((folder / "key.password").stat().st_mode) == 0o600
    assert openssl("pkey", "-in", folder / "server.key", "-passin", "pass:pass word", "-noout").returncode == 0
    assert openssl("pkey", "-in", folder / "server.key", "-passin", "pass:other", "-noout").returncode != 0


def test_certs_make_rsa_keys(mf, tmp_path):
    assert mf("certs", "--out", tmp_path / "pki", "--rsa").returncode == 0
    assert "3072 bit" in openssl("x509", "-in", tmp_path / "pki" / "server.crt", "-noout", "-text").stdout


@pytest.mark.parametrize("arguments, text", [(["--host", "a b!"], "host name"), (["--days", "0"], "0 days"),
                                             (["--add", "../x"], "'../x'"), (["--password-file", "/nonexistent"], "/nonexistent")])
def test_certs_refuse_what_cannot_be(mf, tmp_path, arguments, text):
    result = mf("certs", "--out", tmp_path / "pki", *arguments)
    assert result.returncode == 1
    assert text in result.stderr
    assert not (tmp_path / "pki").exists()
