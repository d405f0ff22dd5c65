// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>

#include "transport/fabric/survey.h"

namespace memfabric::transport {
namespace {

std::string bytes_of(const void* address, size_t size) {
    return {static_cast<const char*>(address), size};
}

TEST(SocketAddressText, OfBothProtocolsWithAndWithoutPort) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(0x0A000002);
    EXPECT_EQ(socket_address_text(bytes_of(&four, sizeof four)), "10.0.0.2");
    four.sin_port = htons(7000);
    EXPECT_EQ(socket_address_text(bytes_of(&four, sizeof four)), "10.0.0.2:7000");
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    EXPECT_EQ(socket_address_text(bytes_of(&six, sizeof six)), "::1");
    six.sin6_port = htons(7000);
    EXPECT_EQ(socket_address_text(bytes_of(&six, sizeof six)), "[::1]:7000");
    EXPECT_EQ(socket_address_text(bytes_of(&six, sizeof(sockaddr_in))), "") << "cut off";
}

TEST(SocketAddressText, AnythingElseHasNone) {
    EXPECT_EQ(socket_address_text(""), "");
    EXPECT_EQ(socket_address_text("fi_addr_efa://[...]"), "");
    EXPECT_EQ(socket_address_text(std::string(1000, '\0')), "");
}

TEST(FabricSurvey, FindsTcpAndChoosesWhatIsAskedFor) {
    const FabricSurvey survey = survey_fabric("tcp;ofi_rxm", "127.0.0.1");
    EXPECT_FALSE(survey.library.empty());
    EXPECT_EQ(survey.chosen, "tcp;ofi_rxm");
    EXPECT_EQ(survey.chosen_way.domain, "lo");
    const auto tcp = std::ranges::find(survey.providers, "tcp;ofi_rxm", &ProviderFinding::name);
    ASSERT_NE(tcp, survey.providers.end());
    EXPECT_TRUE(tcp->usable);
    EXPECT_TRUE(std::ranges::any_of(
        tcp->ways, [](const FabricWay& way) { return way.domain == "lo" && way.address == "127.0.0.1"; }));
}

TEST(FabricSurvey, AProviderThatIsNotThereIsRefusedWithTheReason) {
    const FabricSurvey survey = survey_fabric("nonsense", "127.0.0.1");
    EXPECT_TRUE(survey.chosen.empty());
    EXPECT_NE(survey.refusal.find("nonsense"), std::string::npos) << survey.refusal;
    EXPECT_FALSE(survey.providers.empty());
}

}  // namespace
}  // namespace memfabric::transport
