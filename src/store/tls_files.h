// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "store/openssl_handles.h"
#include "store/tls.h"

namespace memfabric::store {

template <typename Handle>
struct FromFile {
    Handle object;
    std::string path;
};

using LoadedCertificate = FromFile<X509Ptr>;
using LoadedCrl = FromFile<CrlPtr>;

/// Every certificate of a PEM file, the first one first; none is a failure.
Result<std::vector<LoadedCertificate>> load_certificates(const std::string& path);

/// The CA certificates that the settings name: at least one, or a failure that names the setting and the
/// file.
Result<std::vector<LoadedCertificate>> load_ca_certificates(const TlsSettings& settings);

/// The revocation lists that the settings name; empty where they name none.
Result<std::vector<LoadedCrl>> load_crls(const TlsSettings& settings);

/// The private key, decrypted. A wrong password is told apart from a broken file.
Result<PkeyPtr> load_private_key(const TlsSettings& settings);

/// The private key in a PEM file; `password_source` says in failures where the password came from, or has to
/// come from.
Result<PkeyPtr> read_key_file(const std::string& path, std::string_view password,
                              std::string_view password_source);

/// "CN = x, O = y", for log and error texts.
std::string name_text(const X509_NAME* name);

}  // namespace memfabric::store
