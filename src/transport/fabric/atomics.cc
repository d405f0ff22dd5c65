// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/atomics.h"

#include <atomic>

#include "store/wire.h"

namespace memfabric::transport {
namespace {

struct WireAtomic {
    uint64_t key = 0;
    uint64_t offset = 0;
    uint32_t size = 0;
    uint8_t kind = 0;
    uint64_t operand = 0;
    uint64_t comparand = 0;
};

}  // namespace
}  // namespace memfabric::transport

namespace memfabric::store {

template <>
struct Fields<transport::WireAtomic> {
    static auto of(auto& m) { return std::tie(m.key, m.offset, m.size, m.kind, m.operand, m.comparand); }
};

}  // namespace memfabric::store

namespace memfabric::transport {
namespace {

Status check_shape(uint32_t size, uint64_t offset, uint8_t kind) {
    if ((size != 4 && size != 8) || offset % size != 0 || kind > static_cast<uint8_t>(AtomicKind::kXor)) {
        return failure(Code::kInvalidParam,
                       "no atomic operation: kind {}, {} bytes at offset {} (4 or 8 bytes, aligned to their "
                       "size)",
                       kind, size, offset);
    }
    return {};
}

template <typename T>
T apply(T* place, AtomicKind kind, T operand, T comparand) {
    const std::atomic_ref<T> word(*place);
    switch (kind) {
        case AtomicKind::kFetch:
            return word.load();
        case AtomicKind::kSet:
        case AtomicKind::kSwap:
            return word.exchange(operand);
        case AtomicKind::kCompareSwap:
            word.compare_exchange_strong(comparand, operand);
            return comparand;  // what was there, also where it was equal
        case AtomicKind::kAdd:
            return word.fetch_add(operand);
        case AtomicKind::kAnd:
            return word.fetch_and(operand);
        case AtomicKind::kOr:
            return word.fetch_or(operand);
        case AtomicKind::kXor:
            return word.fetch_xor(operand);
    }
    return 0;
}

}  // namespace

Status check_atomic(const RemoteAtomic& atomic, std::string_view peer) {
    const Status shape = check_shape(atomic.size, atomic.offset, static_cast<uint8_t>(atomic.kind));
    if (!shape.is_ok()) {
        return shape.with_context(peer);
    }
    if (atomic.offset > atomic.region.size || atomic.size > atomic.region.size - atomic.offset) {
        return failure(Code::kInvalidParam, "{}: {} bytes at offset {} are not inside its region of {} bytes",
                       peer, atomic.size, atomic.offset, atomic.region.size);
    }
    return {};
}

std::string encode_atomic(const RemoteAtomic& atomic) {
    return store::encode(WireAtomic{atomic.region.key, atomic.offset, atomic.size,
                                    static_cast<uint8_t>(atomic.kind), atomic.operand, atomic.comparand});
}

Result<uint64_t> apply_atomic(const Exposures& exposures, std::string_view encoded) {
    const Result<WireAtomic> read = store::decode<WireAtomic>(encoded);
    if (!read.is_ok()) {
        return failure(Code::kInvalidParam, "{} bytes are no atomic operation", encoded.size());
    }
    const WireAtomic& atomic = *read;
    MF_RETURN_IF_ERROR(check_shape(atomic.size, atomic.offset, atomic.kind));
    uint64_t before = 0;
    Status misplaced;
    MF_RETURN_IF_ERROR(exposures.use(atomic.key, atomic.offset, atomic.size, [&](std::byte* place) {
        if (reinterpret_cast<uintptr_t>(place) % atomic.size != 0) {
            misplaced =
                failure(Code::kInvalidParam,
                        "the region does not begin at a multiple of {} bytes at its owner", atomic.size);
            return;
        }
        before = apply_atomic_at(place, atomic.size, static_cast<AtomicKind>(atomic.kind), atomic.operand,
                                 atomic.comparand);
    }));
    return misplaced.is_ok() ? Result<uint64_t>(before) : misplaced;
}

uint64_t apply_atomic_at(std::byte* place, uint32_t size, AtomicKind kind, uint64_t operand,
                         uint64_t comparand) {
    if (size == sizeof(uint32_t)) {
        return apply(reinterpret_cast<uint32_t*>(place), kind, static_cast<uint32_t>(operand),
                     static_cast<uint32_t>(comparand));
    }
    return apply(reinterpret_cast<uint64_t*>(place), kind, operand, comparand);
}

}  // namespace memfabric::transport
