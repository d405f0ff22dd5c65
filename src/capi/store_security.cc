// SPDX-License-Identifier: Apache-2.0
#include "capi/store_security.h"

#include <memory>
#include <utility>

#include "base/environment.h"

namespace memfabric::capi {

void StoreSecurity::disable_tls() {
    const std::lock_guard lock(mutex_);
    choice_ = Choice::kPlaintext;
}

void StoreSecurity::enable_tls(std::string_view tls_info) {
    const std::lock_guard lock(mutex_);
    choice_ = Choice::kTls;
    tls_info_ = tls_info;
}

void StoreSecurity::set_decrypt_handler(store::DecryptHandler handler) {
    const std::lock_guard lock(mutex_);
    decrypt_ = std::move(handler);
}

store::TlsSettings StoreSecurity::with_handler(std::string_view tls_info) const {
    store::TlsSettings settings = store::parse_tls_info(tls_info);
    settings.decrypt = decrypt_;
    return settings;
}

Result<std::optional<store::TlsSettings>> StoreSecurity::settings_for(const Endpoint& endpoint,
                                                                      bool listening, const Options& options,
                                                                      const char* environment_info) const {
    const std::optional<store::TlsSettings> plaintext;
    const std::lock_guard lock(mutex_);
    if (choice_ == Choice::kPlaintext) {
        return plaintext;
    }
    if (choice_ == Choice::kTls) {
        return std::optional(with_handler(tls_info_));
    }
    if (environment_info != nullptr && *environment_info != '\0') {
        return std::optional(with_handler(environment_info));
    }
    if (is_loopback(endpoint) || options.flag(OptionId::kAllowPlaintext)) {
        return plaintext;
    }
    return failure(
        Code::kError,
        "the config store at {} may not be {} without TLS, since the address is not loopback: set the TLS "
        "string by "
        "smem_set_conf_store_tls (Python: set_conf_store_tls) or in the environment variable "
        "SMEM_CONF_STORE_TLS_INFO "
        "(`mf certs` makes certificates and prints it), or, on a network that you trust, permit plaintext by "
        "smem_set_conf_store_tls(false, \"\", 0), set_conf_store_tls(False, \"\") in Python, or "
        "MF_ALLOW_PLAINTEXT=1",
        endpoint.text(), listening ? "served" : "used");
}

StoreSecurity& process_store_security() {
    // Never destroyed: threads of the program may still use the library while it exits.
    static StoreSecurity* const security = std::make_unique<StoreSecurity>().release();
    return *security;
}

Result<std::optional<store::TlsSettings>> store_security_for(const Endpoint& endpoint, bool listening,
                                                             const Options& options) {
    const char* info = environment_variable("SMEM_CONF_STORE_TLS_INFO");
    return process_store_security().settings_for(endpoint, listening, options, info);
}

}  // namespace memfabric::capi
