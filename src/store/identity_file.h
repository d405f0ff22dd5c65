// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/endpoint.h"
#include "base/exit_file.h"
#include "store/identity.h"

namespace memfabric::store {

/// The file in which a store keeps its identity as long as it runs. One that is there at its start is that of
/// a predecessor at the same address that did not end in good order. Where it cannot be kept, the store is a
/// new one at each start.
class IdentityFile {
 public:
    /// `folder` empty: none is kept.
    IdentityFile(const std::string& folder, const Endpoint& endpoint);

    Identity open();
    /// The store ends in good order, as it also does where the process exits without a word: the next one is
    /// another.
    void remove() { file_.reset(); }

 private:
    std::string path_;
    std::unique_ptr<ExitFile> file_;
};

}  // namespace memfabric::store
