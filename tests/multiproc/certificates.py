# SPDX-License-Identifier: Apache-2.0
"""A certificate authority by the command openssl: independent of the library's own, and able to make what
that refuses to make (certificates that have expired, keys that are encrypted by another password)."""
import pathlib
import subprocess

_CONFIGURATION = """
[ca]
default_ca = this
[this]
dir = {folder}
database = {folder}/index
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
certificate = {folder}/ca.crt
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = anything
x509_extensions = leaf
[anything]
commonName = supplied
[leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1{names}
[request]
distinguished_name = empty
[empty]
"""


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Authority:
    """One CA in a folder of its own. Its certificates are good for loopback and for `addresses`."""

    def __init__(self, folder, addresses=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "index").touch()
        (self.folder / "serial").write_text("01\n", encoding="utf-8")
        (self.folder / "crlnumber").write_text("01\n", encoding="utf-8")
        self._configuration = self.folder / "openssl.cnf"
        names = "".join(f",IP:{address}" for address in addresses)
        text = _CONFIGURATION.format(folder=self.folder, names=names)
        self._configuration.write_text(text, encoding="utf-8")
        _openssl(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
            "-days",
            "30",
            "-subj",
            f"/CN=authority {self.folder.name}",
            "-keyout",
            self.folder / "ca.key",
            "-out",
            self.folder / "ca.crt",
        )

    def issue(self, name, password=None, start=None, end=None):
        """NAME.crt and NAME.key; start and end are YYYYMMDDHHMMSSZ. With a password the key is encrypted."""
        key = self.folder / f"{name}.key"
        encryption = ["-passout", f"pass:{password}"] if password else ["-noenc"]
        _openssl(
            "req",
            "-config",
            self._configuration,
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            *encryption,
            "-subj",
            f"/CN={name}",
            "-keyout",
            key,
            "-out",
            self.folder / f"{name}.csr",
        )
        key.chmod(0o600)
        times = [*(["-startdate", start] if start else []), *(["-enddate", end] if end else [])]
        _openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            self._configuration,
            *times,
            "-in",
            self.folder / f"{name}.csr",
            "-out",
            self.folder / f"{name}.crt",
        )
        return self

    def revoke(self, name):
        _openssl("ca", "-config", self._configuration, "-revoke", self.folder / f"{name}.crt")
        return self.make_revocation_list()

    def make_revocation_list(self):
        _openssl("ca", "-config", self._configuration, "-gencrl", "-out", self.folder / "ca.crl")
        return self

    def info(self, name, authority=None, password_file=None, revocation_list=False):
        """The TLS string for the certificate NAME; it trusts `authority`, by default its own."""
        pairs = {
            "tlsCaPath": (authority or self).folder,
            "tlsCaFile": "ca.crt",
            "tlsCert": self.folder / f"{name}.crt",
            "tlsPk": self.folder / f"{name}.key",
        }
        if password_file:
            pairs["tlsPkPwd"] = password_file
        if revocation_list:
            pairs |= {"tlsCrlPath": self.folder, "tlsCrlFile": "ca.crl"}
        return " ".join(f"{name}: {value};" for name, value in pairs.items())
