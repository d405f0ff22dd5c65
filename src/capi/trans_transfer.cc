// SPDX-License-Identifier: Apache-2.0
// The transfers of smem_trans.h.
#include <span>
#include <string>
#include <vector>

#include "base/per_thread.h"
#include "capi/report.h"
#include "capi/trans_handle.h"
#include "smem_trans.h"

namespace memfabric::capi {

Status trans_handle_failure(smem_trans_t handle, const char* what) {
    if (handle == nullptr) {
        return failure(Code::kInvalidParam, "{}: the handle is null", what);
    }
    return failure(Code::kObjectNotExists, "{}: the handle is unknown, or its session was destroyed", what);
}

Result<std::shared_ptr<trans::Engine>> find_engine(smem_trans_t handle, const char* what) {
    std::shared_ptr<trans::Engine> engine =
        TransProcess::instance().engines().share(from_trans_handle(handle));
    return engine ? Result(std::move(engine)) : trans_handle_failure(handle, what);
}

}  // namespace memfabric::capi

using memfabric::Code;
using memfabric::Deadline;
using memfabric::failure;
using memfabric::per_thread;
using memfabric::Status;
using memfabric::capi::from_trans_handle;
using memfabric::capi::guarded;
using memfabric::capi::trans_handle_failure;
using memfabric::capi::TransProcess;
using memfabric::copy::Piece;
using memfabric::trans::Direction;
using memfabric::trans::Engine;

namespace {

const char* name_of(Direction direction) {
    return direction == Direction::kWrite ? "writing to a session" : "reading from a session";
}

Status check_piece(const Piece& piece) {
    if (piece.destination == nullptr || piece.source == nullptr || piece.size == 0) {
        return failure(Code::kInvalidParam, "{}", piece.size == 0 ? "its size is 0" : "an address is null");
    }
    if (reinterpret_cast<uintptr_t>(piece.destination) + piece.size < piece.size ||
        reinterpret_cast<uintptr_t>(piece.source) + piece.size < piece.size) {
        return failure(Code::kInvalidParam, "{} bytes run past the end of the address space", piece.size);
    }
    return {};
}

/// Runs `operation` on the handle's session, kept alive meanwhile.
template <typename Operation>
Status with_engine(smem_trans_t handle, const char* session, const char* what, const Operation& operation) {
    const auto engine = TransProcess::instance().engines().pin(from_trans_handle(handle));
    if (!engine) [[unlikely]] {
        return trans_handle_failure(handle, what);
    }
    if (session == nullptr) [[unlikely]] {
        return failure(Code::kInvalidParam, "{}: the session's name is null", what);
    }
    return operation(*engine);
}

int32_t transfer_one(smem_trans_t handle, Direction direction, const char* session, const Piece& piece) {
    return guarded([&] {
        return with_engine(handle, session, name_of(direction), [&](Engine& engine) {
            if (const Status checked = check_piece(piece); !checked.is_ok()) [[unlikely]] {
                return checked.with_context(name_of(direction));
            }
            return engine.transfer(direction, session, {&piece, 1});
        });
    });
}

/// Of one thread: a batch of many pieces allocates nothing once it has grown.
struct BatchPieces {
    std::vector<Piece> pieces;
};

/// The arrays of a batch as pieces; `pieces` keeps its room from call to call.
Status collect(void* const* destinations, const void* const* sources, const size_t* sizes, uint32_t count,
               const char* what, std::vector<Piece>& pieces) {
    if (destinations == nullptr || sources == nullptr || sizes == nullptr || count == 0) {
        return failure(Code::kInvalidParam, "{}: {}", what,
                       count == 0 ? "the batch is empty" : "an array is null");
    }
    pieces.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
        pieces[i] = {static_cast<std::byte*>(destinations[i]), static_cast<const std::byte*>(sources[i]),
                     sizes[i]};
        if (const Status checked = check_piece(pieces[i]); !checked.is_ok()) [[unlikely]] {
            return checked.with_context(fmt::format("{}: piece {} of {}", what, i, count));
        }
    }
    return {};
}

int32_t transfer_batch(smem_trans_t handle, Direction direction, const char* session,
                       void* const* destinations, const void* const* sources, const size_t* sizes,
                       uint32_t count) {
    return guarded([&] {
        return with_engine(handle, session, name_of(direction), [&](Engine& engine) -> Status {
            std::vector<Piece>& pieces = per_thread<BatchPieces>().pieces;
            MF_RETURN_IF_ERROR(collect(destinations, sources, sizes, count, name_of(direction), pieces));
            return engine.transfer(direction, session, pieces);
        });
    });
}

int32_t submit(smem_trans_t handle, Direction direction, const char* session, void* const* destinations,
               const void* const* sources, const size_t* sizes, uint32_t count) {
    return guarded([&] {
        return with_engine(handle, session, name_of(direction), [&](Engine& engine) -> Status {
            std::vector<Piece> pieces;
            MF_RETURN_IF_ERROR(collect(destinations, sources, sizes, count, name_of(direction), pieces));
            engine.submit(direction, session, std::move(pieces));
            return {};
        });
    });
}

Piece to_piece(void* destination, const void* source, size_t size) {
    return {static_cast<std::byte*>(destination), static_cast<const std::byte*>(source), size};
}

}  // namespace

extern "C" {

int32_t smem_trans_write(smem_trans_t handle, const void* srcAddress, const char* destSession,
                         void* destAddress, size_t dataSize) {
    return transfer_one(handle, Direction::kWrite, destSession, to_piece(destAddress, srcAddress, dataSize));
}

int32_t smem_trans_batch_write(smem_trans_t handle, const void* srcAddresses[], const char* destSession,
                               void* destAddresses[], size_t dataSizes[], uint32_t batchSize) {
    return transfer_batch(handle, Direction::kWrite, destSession, destAddresses, srcAddresses, dataSizes,
                          batchSize);
}

int32_t smem_trans_read(smem_trans_t handle, void* destAddress, const char* srcSession,
                        const void* srcAddress, size_t dataSize) {
    return transfer_one(handle, Direction::kRead, srcSession, to_piece(destAddress, srcAddress, dataSize));
}

int32_t smem_trans_batch_read(smem_trans_t handle, void* destAddresses[], const char* srcSession,
                              const void* srcAddresses[], size_t dataSizes[], uint32_t batchSize) {
    return transfer_batch(handle, Direction::kRead, srcSession, destAddresses, srcAddresses, dataSizes,
                          batchSize);
}

int32_t smem_trans_write_submit(smem_trans_t handle, const void* srcAddress, const char* destSession,
                                void* destAddress, size_t dataSize, void*, uint32_t) {
    return submit(handle, Direction::kWrite, destSession, &destAddress, &srcAddress, &dataSize, 1);
}

int32_t smem_trans_batch_write_submit(smem_trans_t handle, const void* srcAddresses[],
                                      const char* destSession, void* destAddresses[], size_t dataSizes[],
                                      uint32_t batchSize, void*, uint32_t) {
    return submit(handle, Direction::kWrite, destSession, destAddresses, srcAddresses, dataSizes, batchSize);
}

int32_t smem_trans_read_submit(smem_trans_t handle, void* destAddress, const char* srcSession,
                               const void* srcAddress, size_t dataSize, void*, uint32_t) {
    return submit(handle, Direction::kRead, srcSession, &destAddress, &srcAddress, &dataSize, 1);
}

int32_t smem_trans_batch_read_submit(smem_trans_t handle, void* destAddresses[], const char* srcSession,
                                     const void* srcAddresses[], size_t dataSizes[], uint32_t batchSize,
                                     void*, uint32_t) {
    return submit(handle, Direction::kRead, srcSession, destAddresses, srcAddresses, dataSizes, batchSize);
}

int32_t smem_trans_wait(smem_trans_t handle, void*) {
    return guarded([&] {
        return with_engine(handle, "", "waiting for transfers",
                           [](Engine& engine) { return engine.wait(Deadline::never()); });
    });
}

}  // extern "C"
