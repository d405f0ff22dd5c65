// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "actor.h"
#include "smem.h"

namespace {

int decrypt(const char* cipher_text, size_t cipher_text_length, char* plain_text, size_t& plain_text_length) {
    return actor_reverse(cipher_text, cipher_text_length, plain_text, &plain_text_length);
}

}  // namespace

int32_t actor_register_cxx_handler() {
    return smem_register_decrypt_handler(decrypt);
}
