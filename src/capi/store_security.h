// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/endpoint.h"
#include "base/options.h"
#include "base/status.h"
#include "store/tls.h"

namespace memfabric::capi {

/// What a process has said about TLS between config stores and their clients. Any thread may call everything.
class StoreSecurity {
 public:
    /// Plaintext everywhere: the caller has decided so.
    void disable_tls();
    void enable_tls(std::string_view tls_info);
    void set_decrypt_handler(store::DecryptHandler handler);

    /// How to serve (`listening`) or reach a store at the endpoint: TLS settings, or none for plaintext.
    /// `environment_info` is what stands in SMEM_CONF_STORE_TLS_INFO, used where neither enable_tls nor
    /// disable_tls was called. Beyond loopback plaintext needs to be permitted; the failure says by what.
    Result<std::optional<store::TlsSettings>> settings_for(const Endpoint& endpoint, bool listening,
                                                           const Options& options,
                                                           const char* environment_info) const;

 private:
    enum class Choice { kNotMade, kPlaintext, kTls };
    store::TlsSettings with_handler(std::string_view tls_info) const;

    mutable std::mutex mutex_;
    Choice choice_ = Choice::kNotMade;  // guarded by mutex_, as all below
    std::string tls_info_;
    store::DecryptHandler decrypt_;
};

/// The process's own, which the C functions change.
StoreSecurity& process_store_security();

/// process_store_security().settings_for() with the process's environment.
Result<std::optional<store::TlsSettings>> store_security_for(const Endpoint& endpoint, bool listening,
                                                             const Options& options);

}  // namespace memfabric::capi
