// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric_probe.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "memory/segment.h"
#include "runtime/machine_fabric.h"
#include "runtime/tcp_verdict.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/survey.h"
#include "transport/fabric/way_plan.h"

namespace memfabric {
namespace {

using transport::FabricAddress;

constexpr std::chrono::milliseconds kVerdictPatience{1000};

std::string without_port(const std::string& address) {
    const size_t bracket = address.rfind(']');
    if (bracket != std::string::npos) {
        return address.substr(1, bracket - 1);
    }
    return address.substr(0, address.rfind(':'));
}

std::string who(const ProcessRecord& record) {
    return fmt::format("process {} ({}) on host '{}'", record.incarnation.pid, record.program,
                       record.host_name);
}

/// The ways that a transfer takes: of the ones that lead there those of the best grade.
std::vector<ProbeWay> ways_to(const FabricAddress& own, const FabricAddress& peer) {
    const std::vector<transport::RailWay> rails = transport::ways_between(own, peer);
    int best = UINT8_MAX;
    for (const transport::RailWay& rail : rails) {
        best = rail.port ? std::min<int>(best, rail.grade) : best;
    }
    std::vector<ProbeWay> ways;
    for (size_t i = 0; i < rails.size(); ++i) {
        if (rails[i].port && rails[i].grade == best) {
            const std::string local =
                without_port(transport::socket_address_text(own.ports[i].endpoints.front()));
            const std::string& there = peer.ports[*rails[i].port].endpoints.front();
            ways.push_back({interface_with(local), local, transport::socket_address_text(there)});
        }
    }
    return ways;
}

}  // namespace

Result<std::unique_ptr<FabricProbe>> FabricProbe::open(std::shared_ptr<Runtime> runtime, uint64_t memory,
                                                       Deadline deadline) {
    MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::RemoteMemory> fabric, runtime->remote_memory());
    if (!fabric) {
        return failure(Code::kNotSupported, "no fabric is used here: MF_FABRIC is '{}'",
                       runtime->options().text(OptionId::kFabric));
    }
    std::unique_ptr<FabricProbe> probe(new FabricProbe(std::move(runtime), std::move(fabric)));
    probe->own_ = probe->runtime_->process_record();
    if (memory != 0) {
        MF_RETURN_IF_ERROR(probe->offer(memory));
        MF_RETURN_IF_ERROR(announce_process(probe->runtime_->store(), probe->own_, deadline));
    }
    return probe;
}

Status FabricProbe::offer(uint64_t size) {
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::create("memfabric probe", size, runtime_->options(), size));
    MF_RETURN_IF_ERROR(segment.commit(0, size));
    MF_ASSIGN_OR_RETURN(memory_, Mapping::shared(segment.descriptor(), size));
    MF_ASSIGN_OR_RETURN(exposed_, fabric_->expose({memory_.data(), memory_.size()}));
    const transport::RemoteRegion& region = exposed_->region();
    own_.key = region.key;
    own_.base = region.base;
    own_.size = region.size;
    return {};
}

Status FabricProbe::refresh(Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const std::vector<ProcessRecord> records,
                        list_processes(runtime_->store(), deadline));
    std::fill(present_.begin(), present_.end(), false);
    for (const ProcessRecord& record : records) {
        if (record.incarnation == own_.incarnation) {
            continue;
        }
        const auto known = std::ranges::find_if(peers_, [&](const ProbePeer& peer) {
            return peer.record.incarnation == record.incarnation && peer.record.key == record.key;
        });
        if (known == peers_.end()) {
            peers_.push_back(describe(record));
            present_.push_back(true);
            connections_.emplace_back();
        } else {
            present_[static_cast<size_t>(known - peers_.begin())] = true;
        }
    }
    return {};
}

ProbePeer FabricProbe::describe(const ProcessRecord& record) const {
    ProbePeer peer{record, record.incarnation.host_id == own_.incarnation.host_id, "", {}};
    const Result<FabricAddress> address = FabricAddress::decode(record.fabric_address);
    const Result<FabricAddress> own = FabricAddress::decode(fabric_->own_address());
    if (!peer.same_host && address.is_ok() && own.is_ok()) {
        peer.provider = address->provider;
        peer.ways = ways_to(*own, *address);
    }
    return peer;
}

Result<transport::RemotePeer*> FabricProbe::connected(size_t peer) {
    if (!connections_[peer]) {
        const ProcessRecord& record = peers_[peer].record;
        MF_ASSIGN_OR_RETURN(connections_[peer], fabric_->connect(record.fabric_address, who(record)));
    }
    return connections_[peer].get();
}

Status FabricProbe::ping(size_t peer, Deadline deadline) {
    const ProcessRecord& record = peers_[peer].record;
    if (peers_[peer].same_host) {
        const Result<pid_t> found = runtime_->mapped().process_behind(record.hand_over);
        return found.is_ok()
                   ? Status()
                   : found.status().with_context(fmt::format("{} shares this host's identity", who(record)));
    }
    MF_ASSIGN_OR_RETURN(transport::RemotePeer* const connection, connected(peer));
    Status answered = fabric_->ping(*connection, deadline);
    if (answered.is_ok() || !peers_[peer].provider.starts_with("tcp")) {
        return answered;
    }
    const Result<FabricAddress> address = FabricAddress::decode(record.fabric_address);
    const std::string verdict =
        address.is_ok() ? tcp_verdict(address->ports.front().messages, kVerdictPatience) : "";
    return Status(answered.code(),
                  verdict.empty() ? answered.message() : fmt::format("{} ({})", answered.message(), verdict));
}

Status FabricProbe::check_offer(size_t peer, uint64_t offset, uint64_t size) const {
    const ProcessRecord& record = peers_[peer].record;
    if (offset > record.size || size > record.size - offset) {
        return failure(Code::kInvalidParam, "{} offers {} bytes, not {} at offset {}", who(record),
                       record.size, size, offset);
    }
    return {};
}

Status FabricProbe::copy(size_t peer, bool to_peer, const std::vector<Piece>& pieces, Deadline deadline) {
    const ProcessRecord& record = peers_[peer].record;
    const transport::RemoteRegion region{record.key, record.base, record.size};
    std::vector<transport::FabricPiece> all;
    all.reserve(pieces.size());
    for (const Piece& piece : pieces) {
        MF_RETURN_IF_ERROR(check_offer(peer, piece.offset, piece.size));
        all.push_back({piece.local, region, piece.offset, piece.size});
    }
    MF_ASSIGN_OR_RETURN(transport::RemotePeer* const connection, connected(peer));
    return to_peer ? fabric_->put(*connection, all, deadline) : fabric_->get(*connection, all, deadline);
}

Result<uint64_t> FabricProbe::add(size_t peer, uint64_t offset, uint64_t value, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_offer(peer, offset, sizeof value));
    const ProcessRecord& record = peers_[peer].record;
    MF_ASSIGN_OR_RETURN(transport::RemotePeer* const connection, connected(peer));
    const transport::RemoteRegion region{record.key, record.base, record.size};
    return fabric_->atomic(*connection, {region, offset, sizeof value, transport::AtomicKind::kAdd, value, 0},
                           deadline);
}

}  // namespace memfabric
