// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace memfabric::store {

/// The kind of key pair of a certificate. `rsa_bits` 0: EC on the curve P-256.
struct KeyKind {
    int rsa_bits = 0;
};

/// Where a certificate authority keeps its files, and how its keys are encrypted.
struct AuthorityFiles {
    std::string folder;
    std::string password;  // of all private keys; empty: they are not encrypted

    std::string certificate() const { return folder + "/ca.crt"; }
    std::string key() const { return folder + "/ca.key"; }
    std::string revocation_list() const { return folder + "/ca.crl"; }
    std::string password_file() const { return folder + "/key.password"; }
};

/// What a certificate is good for. A server's serves and connects, since a process that hosts the store is a
/// client of it too.
enum class CertificateUse { kServer, kClient };

struct CertificateRequest {
    std::string name;                // file names NAME.crt and NAME.key, and the common name
    std::vector<std::string> hosts;  // DNS names, IPv4 and IPv6 addresses for the subjectAltName
    CertificateUse use = CertificateUse::kClient;
    int64_t seconds_valid = 0;  // negative: expired already, which only tests want
    KeyKind key;
};

/// Makes the folder (0700) where it is missing, the authority's key and certificate, an empty revocation list
/// and the password file. Refuses where the folder holds an authority already, unless `force`.
Status make_authority(const AuthorityFiles& files, uint32_t days, KeyKind key, bool force);

/// A certificate signed by the authority; replaces one of the same name. Keys get mode 0600.
Status issue_certificate(const AuthorityFiles& files, const CertificateRequest& request);

/// Puts the certificate on the authority's revocation list. Revoking twice is not a failure. Stores read the
/// list when they start.
Status revoke_certificate(const AuthorityFiles& files, const std::string& certificate_path);

/// The tls_info string for the certificate `name` in the folder.
std::string tls_info_of(const AuthorityFiles& files, const std::string& name);

/// "a, b,10.0.0.1" -> its pieces, checked to be host names or addresses.
Result<std::vector<std::string>> parse_host_list(const std::string& text);

}  // namespace memfabric::store
