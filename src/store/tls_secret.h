// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace memfabric::store {

struct TlsSettings;

/// Text that is wiped from memory when it goes. Lies on the heap, so that moving it leaves no copy behind.
class SecretText {
 public:
    SecretText() = default;
    explicit SecretText(size_t size);
    /// Takes over the text and wipes the source.
    static SecretText take(std::string& source);

    SecretText(SecretText&& other) noexcept;
    SecretText& operator=(SecretText&& other) noexcept;
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() { wipe(); }

    char* data() { return bytes_.get(); }
    std::string_view view() const { return {bytes_.get(), size_}; }
    /// Keeps only [first, first + size).
    void trim_to(size_t first, size_t size);

 private:
    void wipe();
    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t room_ = 0;
};

/// The password of the private key: the trimmed text of the password file, decrypted by the handler where
/// there is one.
Result<SecretText> read_key_password(const TlsSettings& settings);

}  // namespace memfabric::store
