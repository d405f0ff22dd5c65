// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "base/per_thread.h"
#include "store/tls.h"
#include "store/tls_refusal.h"

namespace memfabric::store {
namespace {

/// OpenSSL's queue says only that a verification failed: here is whose and why, until the text is asked for.
struct Refusal {
    std::string text;
};

std::string& refusal() {
    return per_thread<Refusal>().text;
}

}  // namespace

void note_refused_certificate(std::string text) {
    refusal() = std::move(text);
}

std::string openssl_error_text() {
    std::string text;
    while (const unsigned long code = ERR_get_error()) {
        // Library and reason only: the data that OpenSSL attaches to an error may quote input.
        const char* reason = ERR_reason_error_string(code);
        const char* library = ERR_lib_error_string(code);
        if (!text.empty()) {
            text += "; ";
        }
        if (ERR_SYSTEM_ERROR(code)) {
            text += errno_text(ERR_GET_REASON(code));
        } else {
            text += fmt::format("{} ({})", reason != nullptr ? reason : "unknown reason",
                                library != nullptr ? library : "OpenSSL");
        }
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
            !refusal().empty()) {
            text += ": " + std::exchange(refusal(), {});
        }
    }
    return text.empty() ? "no further reason from OpenSSL" : text;
}

}  // namespace memfabric::store
