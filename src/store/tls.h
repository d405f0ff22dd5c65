// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace memfabric::store {

/// Turns the text of the private key's password file into the password.
using DecryptHandler = std::function<Result<std::string>(std::string_view cipher_text)>;

/// What the tls_info string of smem_set_conf_store_tls says. Paths are as given; lists are in order.
struct TlsSettings {
    std::string ca_path;  // tlsCaPath: folder of CA certificates
    std::vector<std::string>
        ca_files;             // tlsCaFile: names in ca_path, or paths; none: every certificate in ca_path
    std::string certificate;  // tlsCert
    std::string private_key;  // tlsPk
    std::string
        private_key_password;  // tlsPkPwd: file that holds the password, encrypted where a handler is set
    std::string crl_path;      // tlsCrlPath
    std::vector<std::string> crl_files;  // tlsCrlFile
    std::string
        package_path;  // packagePath: accepted and ignored, since OpenSSL is linked; said in the log once
    DecryptHandler decrypt;  // may be empty: the file's text is the password
};

/// "key: value;" pairs as in the existing implementation (facts 3.9): never fails; unknown keys are a
/// warning, pairs without a colon are skipped. Whether what must be there is there is checked by
/// make_tls_context.
TlsSettings parse_tls_info(std::string_view info);

enum class TlsRole { kServer, kClient };

/// A context for mutual TLS 1.3: both sides must show a certificate of one of the CAs; keys of RSA are at
/// least 3072 bits, revoked and expired certificates are refused, certificates that expire soon are a
/// warning. The text of a failure names the file and OpenSSL's reason, never a secret.
Result<std::shared_ptr<ssl_ctx_st>> make_tls_context(const TlsSettings& settings, TlsRole role);

/// Warns in the log of certificates and revocation lists that have expired or expire within the days of
/// ACCLINK_CERT_CHECK_AHEAD_DAYS (7 to 180, default 30). make_tls_context does it once; the server does it
/// again every expiry_check_period().
void warn_of_expiry(const TlsSettings& settings);

/// ACCLINK_CHECK_PERIOD_HOURS (24 to 720, default 168).
std::chrono::hours expiry_check_period();

/// OpenSSL's queued errors of this thread as one line, without addresses or secrets; empties the queue.
std::string openssl_error_text();

}  // namespace memfabric::store
