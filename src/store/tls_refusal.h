// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace memfabric::store {

/// Says whose certificate a verification on this thread refused, and why, for the next openssl_error_text()
/// there.
void note_refused_certificate(std::string text);

}  // namespace memfabric::store
