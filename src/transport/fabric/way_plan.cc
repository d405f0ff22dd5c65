// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/way_plan.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace memfabric::transport {
namespace {

class Planner {
 public:
    explicit Planner(const WayMap& map)
        : map_(map), taken_(map.port_is_standby.size(), 0), has_neighbour_(taken_.size(), false) {
        for (size_t rail = 0; rail < map.rail_is_standby.size(); ++rail) {
            routes_.emplace_back();
            for (size_t port = 0; port < taken_.size(); ++port) {
                routes_[rail].push_back(map.route(rail, port));
                has_neighbour_[port] = has_neighbour_[port] || routes_[rail][port] == RouteGrade::kDirect;
            }
        }
    }

    RailWay way_of(size_t rail) {
        RailWay way;
        for (size_t port = 0; port < taken_.size(); ++port) {
            if (routes_[rail][port] != RouteGrade::kNone &&
                (!way.port || cost(rail, port) < cost(rail, *way.port))) {
                way.port = port;
            }
        }
        if (way.port) {
            ++taken_[*way.port];
            way.grade = grade(rail, *way.port);
        }
        return way;
    }

 private:
    using Cost = std::tuple<int, bool, bool, size_t>;

    /// A gateway is doubtful where a network of ours has the port itself: the default route leads everywhere,
    /// but the network behind it may not.
    bool is_doubtful(size_t rail, size_t port) const {
        return routes_[rail][port] == RouteGrade::kGateway && has_neighbour_[port];
    }
    Cost cost(size_t rail, size_t port) const {
        return {-static_cast<int>(routes_[rail][port]), is_doubtful(rail, port), map_.port_is_standby[port],
                taken_[port]};
    }
    uint8_t grade(size_t rail, size_t port) const {
        if (routes_[rail][port] == RouteGrade::kDetour) {
            return 4;
        }
        const bool standby = map_.rail_is_standby[rail] || map_.port_is_standby[port];
        return static_cast<uint8_t>((standby ? 2 : 0) + (is_doubtful(rail, port) ? 1 : 0));
    }

    const WayMap& map_;
    std::vector<std::vector<RouteGrade>> routes_;  // by rail, port
    std::vector<size_t> taken_;                    // by port: rails that lead there
    std::vector<bool> has_neighbour_;              // by port: on a network of ours
};

}  // namespace

std::vector<RailWay> plan_ways(const WayMap& map) {
    Planner planner(map);
    std::vector<RailWay> ways;
    for (size_t rail = 0; rail < map.rail_is_standby.size(); ++rail) {
        ways.push_back(planner.way_of(rail));
    }
    if (std::ranges::none_of(ways, [](const RailWay& way) { return way.port.has_value(); })) {
        for (size_t rail = 0; rail < ways.size(); ++rail) {
            ways[rail].port = rail % map.port_is_standby.size();
        }
    }
    return ways;
}

std::vector<RailWay> ways_between(const FabricAddress& own, const FabricAddress& peer) {
    WayMap map;
    for (const FabricPort& port : own.ports) {
        map.rail_is_standby.push_back(port.standby);
    }
    for (const FabricPort& port : peer.ports) {
        map.port_is_standby.push_back(port.standby);
    }
    map.route = [&](size_t rail, size_t port) {
        const std::string& here = own.ports[rail].endpoints.front();
        const std::string& there = peer.ports[port].endpoints.front();
        if (here.size() != there.size()) {
            return RouteGrade::kNone;
        }
        const bool is_choice = own.ports.size() > 1 || peer.ports.size() > 1;
        return is_choice ? grade_route(here, there) : RouteGrade::kDirect;
    };
    return plan_ways(map);
}

}  // namespace memfabric::transport
