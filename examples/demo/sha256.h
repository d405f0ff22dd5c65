// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace demo {

using Digest = std::array<unsigned char, 32>;

/// SHA-256 of a stream, by OpenSSL.
class Sha256 {
 public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    /// Ends the stream; no update after it.
    Digest digest();

 private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string to_hex(const Digest& digest);

}  // namespace demo
