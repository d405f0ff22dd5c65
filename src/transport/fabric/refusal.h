// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "transport/fabric/exposures.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/messages.h"

namespace memfabric::transport {

/// Asks the target whether it lets us at some pieces. A connection that broke does not tell whose operation
/// was refused, nor why: the target knows.
class RefusalQuestion {
 public:
    static constexpr size_t kMostPieces = 2048;

    /// The pieces are read now only. Of very many the first ones are asked for: should it be none of them,
    /// the others break the connection again.
    RefusalQuestion(Messenger& messenger, Messenger::Route& route, FabricFlow flow,
                    std::span<const FabricPiece> pieces);

    /// Never waits. Nothing where the answer is not there yet; OK where the target lets us at all of them;
    /// else why not.
    std::optional<Status> verdict();

 private:
    const std::string question_;
    Messenger::Exchange exchange_;
};

/// The target's side of it.
Answer answer_refusal_question(const Exposures& exposures, std::string_view question);

}  // namespace memfabric::transport
