// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "capi/report.h"
#include "capi/store_security.h"
#include "smem.h"
#include "store/tls_secret.h"

namespace memfabric::capi {
namespace {

constexpr uint32_t kMaxTlsInfo = 10 * 1024;
constexpr size_t kRoomFactor = 2;  // the handler's buffer, in lengths of the cipher text

/// The C handler as ours. `call` gets (cipher, cipher length, plain, in: room, out: length) and returns the
/// handler's code.
template <typename Call>
store::DecryptHandler wrapped(Call call) {
    const auto one_at_a_time = std::make_shared<std::mutex>();
    return [call, one_at_a_time](std::string_view cipher_text) -> Result<std::string> {
        // Some handlers treat the text as a C string: a terminator stands behind it.
        store::SecretText cipher(cipher_text.size() + 1);
        std::memcpy(cipher.data(), cipher_text.data(), cipher_text.size());
        const size_t room = cipher_text.size() * kRoomFactor;
        store::SecretText plain(room + 1);
        size_t length = room;
        const std::lock_guard lock(*one_at_a_time);
        if (const int code = call(cipher.data(), cipher_text.size(), plain.data(), length); code != 0) {
            return failure(Code::kError, "it returned {}", code);
        }
        if (length == 0 || length > room) {
            return failure(Code::kError, "it reported a password of {} bytes, 1 to {} are possible", length,
                           room);
        }
        return std::string(plain.data(), length);
    };
}

store::DecryptHandler with_int_lengths(smem_decrypt_handler handler) {
    return wrapped([handler](const char* cipher, size_t cipher_size, char* plain, size_t& length) {
        // Password files are limited far below INT_MAX, see store/tls_secret.cc.
        int cipher_length = static_cast<int>(cipher_size);
        int plain_length = static_cast<int>(length);
        const int code = handler(cipher, &cipher_length, plain, &plain_length);
        length = plain_length < 0 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(plain_length);
        return code;
    });
}

store::DecryptHandler with_sized_lengths(smem_decrypt_handler_sized handler) {
    return wrapped([handler](const char* cipher, size_t cipher_size, char* plain, size_t& length) {
        return handler(cipher, cipher_size, plain, &length);
    });
}

Status set_tls(bool enable, const char* tls_info, uint32_t size) {
    if (!enable) {
        process_store_security().disable_tls();
        return {};
    }
    if (tls_info == nullptr) {
        return failure(Code::kError, "smem_set_conf_store_tls: enable is set, but tls_info is NULL");
    }
    if (size > kMaxTlsInfo) {
        return failure(Code::kError,
                       "smem_set_conf_store_tls: tls_info has {} bytes, at most {} are possible", size,
                       kMaxTlsInfo);
    }
    process_store_security().enable_tls({tls_info, ::strnlen(tls_info, size)});
    return {};
}

}  // namespace
}  // namespace memfabric::capi

using memfabric::Code;
using memfabric::failure;
using memfabric::Status;
namespace capi = memfabric::capi;

extern "C" {

int32_t smem_set_conf_store_tls(bool enable, const char* tls_info, const uint32_t tls_info_len) {
    return capi::guarded([&] { return capi::set_tls(enable, tls_info, tls_info_len); });
}

int32_t smem_register_decrypt_handler(const smem_decrypt_handler h) {
    return capi::guarded([&]() -> Status {
        if (h == nullptr) {
            return failure(Code::kInvalidParam, "smem_register_decrypt_handler: the handler is NULL");
        }
        capi::process_store_security().set_decrypt_handler(capi::with_int_lengths(h));
        return {};
    });
}

int32_t smem_register_decrypt_handler_sized(const smem_decrypt_handler_sized h) {
    return capi::guarded([&]() -> Status {
        if (h == nullptr) {
            return failure(Code::kInvalidParam, "smem_register_decrypt_handler_sized: the handler is NULL");
        }
        capi::process_store_security().set_decrypt_handler(capi::with_sized_lengths(h));
        return {};
    });
}

}  // extern "C"
