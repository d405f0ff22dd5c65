// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace memfabric::transport {

/// One way of a provider out of this host.
struct FabricWay {
    std::string domain;   // of libfabric: mostly the interface or adapter
    std::string address;  // "10.0.0.1"; empty where the provider's addresses are no socket addresses
};

/// A provider that libfabric knows or that we would like, and whether it serves us.
struct ProviderFinding {
    std::string name;
    bool usable = false;  // has all that the transport needs
    std::string note;     // why it is not usable, or is never chosen unasked
    std::vector<FabricWay> ways;
};

struct FabricSurvey {
    std::string library;  // version of libfabric; empty: it cannot be loaded
    std::vector<ProviderFinding> providers;
    std::string chosen;  // the provider that would be used; empty: none, and `refusal` says why
    FabricWay chosen_way;
    std::string refusal;
};

/// What libfabric has on this host, and what would be chosen by these settings (as MF_FABRIC_PROVIDER and
/// MF_FABRIC_ADDRESS are). Opens nothing.
FabricSurvey survey_fabric(const std::string& provider, const std::string& local_address);

/// "10.0.0.1:7000", or "10.0.0.1" where the port is 0; empty where the bytes are no socket address.
std::string socket_address_text(std::string_view socket_address);

}  // namespace memfabric::transport
