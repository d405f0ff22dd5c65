// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/way_plan.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "transport/fabric/routes.h"

namespace memfabric::transport {
namespace {

constexpr RouteGrade kNo = RouteGrade::kNone;
constexpr RouteGrade kRound = RouteGrade::kDetour;
constexpr RouteGrade kOver = RouteGrade::kGateway;
constexpr RouteGrade kNear = RouteGrade::kDirect;
constexpr int kNowhere = -1;

using Routes = std::vector<std::vector<RouteGrade>>;  // by rail, port

struct Planned {
    std::vector<int> ports;
    std::vector<int> grades;
};

Planned plan(const Routes& routes, std::vector<bool> rails = {}, std::vector<bool> ports = {}) {
    rails.resize(routes.size(), false);
    ports.resize(routes.front().size(), false);
    Planned planned;
    for (const RailWay& way :
         plan_ways({rails, ports, [&](size_t rail, size_t port) { return routes[rail][port]; }})) {
        planned.ports.push_back(way.port ? static_cast<int>(*way.port) : kNowhere);
        planned.grades.push_back(way.grade);
    }
    return planned;
}

using Ints = std::vector<int>;

TEST(WayPlan, NetworksApartAreUsedSideBySide) {
    const Planned planned = plan({{kNear, kNo}, {kNo, kNear}});
    EXPECT_EQ(planned.ports, (Ints{0, 1}));
    EXPECT_EQ(planned.grades, (Ints{0, 0}));
    EXPECT_EQ(plan({{kNo, kNear}, {kNear, kNo}}).ports, (Ints{1, 0})) << "the peer names them otherwise";
}

TEST(WayPlan, EqualRoutesAreSpread) {
    EXPECT_EQ(plan({{kNear, kNear}, {kNear, kNear}}).ports, (Ints{0, 1}));
    EXPECT_EQ(plan({{kOver, kOver}, {kOver, kOver}, {kOver, kOver}}).ports, (Ints{0, 1, 0}));
    EXPECT_EQ(plan({{kNear}, {kNear}}).ports, (Ints{0, 0})) << "the peer has one interface";
}

TEST(WayPlan, AnInterfaceThatDoesNotRouteThereIsNotUsed) {
    const Planned planned = plan({{kNear}, {kNo}});
    EXPECT_EQ(planned.ports, (Ints{0, kNowhere}));
    EXPECT_EQ(planned.grades[0], 0);
}

TEST(WayPlan, ADetourIsTheLastResort) {
    const Planned beside = plan({{kNear}, {kRound}});
    EXPECT_LT(beside.grades[0], beside.grades[1]);
    EXPECT_EQ(plan({{kRound}}).ports, (Ints{0}));
}

TEST(WayPlan, ADefaultRouteToAPortOnANetworkOfOursIsDoubted) {
    // Rail 0 has the default route, rail 1 is on the peer's network.
    const Planned planned = plan({{kOver}, {kNear}});
    EXPECT_GT(planned.grades[0], planned.grades[1]);
    // To a port that no network of ours has, the gateway is what there is.
    const Planned both = plan({{kOver, kOver}, {kNear, kNo}});
    EXPECT_EQ(both.ports, (Ints{1, 0}));
    EXPECT_EQ(both.grades, (Ints{0, 0}));
}

TEST(WayPlan, StandbyIsForPeersThatNothingElseReaches) {
    const Planned planned = plan({{kNear}, {kNear}}, {false, true});
    EXPECT_LT(planned.grades[0], planned.grades[1]);
    const Planned alone = plan({{kNo}, {kNear}}, {false, true});
    EXPECT_EQ(alone.ports, (Ints{kNowhere, 0}));
    const Planned theirs = plan({{kNear, kNear}}, {}, {true, false});
    EXPECT_EQ(theirs.ports, (Ints{1})) << "of equal routes the one to a port that does not stand by";
}

TEST(WayPlan, WhereNothingRoutesEverythingIsTried) {
    EXPECT_EQ(plan({{kNo, kNo}, {kNo, kNo}, {kNo, kNo}}).ports, (Ints{0, 1, 0}));
}

std::string bytes_of(uint32_t host) {
    const sockaddr_in address{AF_INET, htons(7), {htonl(host)}, {}};
    return {reinterpret_cast<const char*>(&address), sizeof address};
}

TEST(RouteGrades, AreTheKernels) {
    constexpr uint32_t kOther = INADDR_LOOPBACK + 8;
    constexpr uint32_t kAway = 0xCB007101;  // 203.0.113.1, of a network for documentation
    const std::string here = bytes_of(INADDR_LOOPBACK);
    EXPECT_EQ(grade_route(here, here), RouteGrade::kDirect);
    EXPECT_EQ(grade_route(bytes_of(kOther), here), RouteGrade::kDirect);
    EXPECT_LT(grade_route(here, bytes_of(kAway)), RouteGrade::kGateway) << "loopback leads out of no host";
    EXPECT_EQ(grade_route(here, "an engine's own address"), RouteGrade::kDirect);
    EXPECT_EQ(grade_route("", here), RouteGrade::kDirect);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    EXPECT_EQ(grade_route({reinterpret_cast<const char*>(&six), sizeof six}, here), RouteGrade::kNone);
}

}  // namespace
}  // namespace memfabric::transport
