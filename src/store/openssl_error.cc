// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>

#include "store/tls.h"

namespace memfabric::store {

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
    }
    return text.empty() ? "no further reason from OpenSSL" : text;
}

}  // namespace memfabric::store
