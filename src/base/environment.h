// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace memfabric {

/// The variable's value; null where it is not set. Good until somebody changes the environment: the library
/// does so only around its loading of libfabric, and the program must not while another thread may call the
/// library.
inline const char* environment_variable(const char* name) {
    return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see above
}

}  // namespace memfabric
