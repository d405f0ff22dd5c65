// SPDX-License-Identifier: Apache-2.0
#include "store/tls_secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "base/fd.h"
#include "store/tls.h"

namespace memfabric::store {
namespace {

// Far above any password; keeps a wrong path from being read whole.
constexpr size_t kMaxPasswordFile = size_t{64} * 1024;

/// Straight into wiped memory: a stream would leave its buffer behind.
Result<SecretText> read_secret_file(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) {
        return failure(Code::kInvalidParam,
                       "the private key's password file '{}' (tlsPkPwd) cannot be opened: {}", path,
                       errno_text(errno));
    }
    SecretText text(kMaxPasswordFile);
    size_t size = 0;
    while (size < kMaxPasswordFile) {
        const ssize_t got = ::read(file.get(), text.data() + size, kMaxPasswordFile - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failure(Code::kInvalidParam,
                           "the private key's password file '{}' (tlsPkPwd) cannot be read: {}", path,
                           errno_text(errno));
        }
        if (got == 0) {
            break;
        }
        size += static_cast<size_t>(got);
    }
    if (size == kMaxPasswordFile) {
        return failure(
            Code::kInvalidParam,
            "the private key's password file '{}' (tlsPkPwd) has {} bytes or more: that is no password", path,
            kMaxPasswordFile);
    }
    text.trim_to(0, size);
    return text;
}

void trim_white_space(SecretText& secret) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::string_view text = secret.view();
    const size_t first = text.find_first_not_of(kBlank);
    const size_t last = text.find_last_not_of(kBlank);
    secret.trim_to(first == std::string_view::npos ? 0 : first,
                   first == std::string_view::npos ? 0 : last + 1 - first);
}

/// The handler is the program's own code: what it throws must not pass through OpenSSL's or our frames, and
/// what it says may hold the secret, so only its code is told.
Result<SecretText> decrypt(const TlsSettings& settings, std::string_view cipher_text) {
    try {
        Result<std::string> plain = settings.decrypt(cipher_text);
        if (!plain.is_ok()) {
            return plain.status().with_context(
                fmt::format("the decrypt handler failed on the password file '{}' (tlsPkPwd)",
                            settings.private_key_password));
        }
        return SecretText::take(*plain);
    } catch (const std::exception&) {
        return failure(Code::kError,
                       "the decrypt handler threw an exception on the password file '{}' (tlsPkPwd)",
                       settings.private_key_password);
    }
}

}  // namespace

SecretText::SecretText(size_t size) : bytes_(std::make_unique<char[]>(size)), size_(size), room_(size) {}

SecretText SecretText::take(std::string& source) {
    SecretText taken(source.size());
    std::memcpy(taken.data(), source.data(), source.size());
    OPENSSL_cleanse(source.data(), source.size());
    source.clear();
    return taken;
}

SecretText::SecretText(SecretText&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      size_(std::exchange(other.size_, 0)),
      room_(std::exchange(other.room_, 0)) {}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        room_ = std::exchange(other.room_, 0);
    }
    return *this;
}

void SecretText::trim_to(size_t first, size_t size) {
    std::memmove(bytes_.get(), bytes_.get() + first, size);
    size_ = size;
}

void SecretText::wipe() {
    if (bytes_) {
        OPENSSL_cleanse(bytes_.get(), room_);
        bytes_.reset();
    }
}

Result<SecretText> read_key_password(const TlsSettings& settings) {
    MF_ASSIGN_OR_RETURN(SecretText text, read_secret_file(settings.private_key_password));
    trim_white_space(text);
    if (text.view().empty()) {
        return failure(Code::kInvalidParam, "the private key's password file '{}' (tlsPkPwd) is empty",
                       settings.private_key_password);
    }
    if (!settings.decrypt) {
        return text;
    }
    return decrypt(settings, text.view());
}

}  // namespace memfabric::store
