// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/atomics.h"

#include <atomic>

#include "transport/fabric/message_format.h"

namespace memfabric::transport {
namespace {

constexpr size_t kEncodedSize = 6 * sizeof(uint64_t);

bool is_kind(uint64_t kind) {
    return kind <= static_cast<uint64_t>(AtomicKind::kXor);
}

Status check_shape(uint64_t size, uint64_t offset, uint64_t kind) {
    if ((size != 4 && size != 8) || offset % size != 0 || !is_kind(kind)) {
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
    const Status shape = check_shape(atomic.size, atomic.offset, static_cast<uint64_t>(atomic.kind));
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
    std::string bytes;
    bytes.reserve(kEncodedSize);
    for (const uint64_t number : {atomic.region.key, atomic.offset, uint64_t{atomic.size},
                                  static_cast<uint64_t>(atomic.kind), atomic.operand, atomic.comparand}) {
        append_number(bytes, number);
    }
    return bytes;
}

Result<uint64_t> apply_atomic(const Exposures& exposures, std::string_view encoded) {
    if (encoded.size() != kEncodedSize) {
        return failure(Code::kInvalidParam, "{} bytes are no atomic operation", encoded.size());
    }
    const auto number = [&](size_t index) { return load_number(encoded, index * sizeof(uint64_t)); };
    const uint64_t offset = number(1);
    const uint64_t size = number(2);
    const uint64_t kind = number(3);
    MF_RETURN_IF_ERROR(check_shape(size, offset, kind));
    uint64_t before = 0;
    Status misplaced;
    MF_RETURN_IF_ERROR(exposures.use(number(0), offset, size, [&](std::byte* place) {
        if (reinterpret_cast<uintptr_t>(place) % size != 0) {
            misplaced = failure(Code::kInvalidParam,
                                "the region does not begin at a multiple of {} bytes at its owner", size);
            return;
        }
        before = apply_atomic_at(place, static_cast<uint32_t>(size), static_cast<AtomicKind>(kind), number(4),
                                 number(5));
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
