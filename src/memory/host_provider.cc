// SPDX-License-Identifier: Apache-2.0
#include "memory/host_provider.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "memory/segment.h"

namespace memfabric::memory {
namespace {

class HostAllocation final : public Allocation {
 public:
    explicit HostAllocation(Segment segment) : segment_(std::move(segment)) {}

    uint64_t size() const override { return segment_.size(); }
    const Segment& segment() const { return segment_; }

    Result<Fd> export_handle() const override {
        Fd copy(::fcntl(segment_.descriptor(), F_DUPFD_CLOEXEC, 0));
        if (!copy.is_open()) {
            return failure(Code::kError, "exporting an allocation failed ({})", errno_text(errno));
        }
        return copy;
    }

 private:
    Segment segment_;
};

Status map_over(AddressRange part, int protection, int flags, int descriptor) {
    void* const at = reinterpret_cast<void*>(part.begin);
    if (::mmap(at, part.size, protection, flags | MAP_FIXED, descriptor, 0) == MAP_FAILED) {
        return failure(Code::kMallocFailed, "mapping {} bytes at {:#x} failed ({})", part.size, part.begin,
                       errno_text(errno));
    }
    return {};
}

Status make_inaccessible(AddressRange part) {
    return map_over(part, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

}  // namespace

// The arena's own reservation serves.
Status HostProvider::reserve(AddressRange part) {
    return unmap(part);
}

Status HostProvider::release(AddressRange part) {
    return unmap(part);
}

Result<std::unique_ptr<Allocation>> HostProvider::allocate(uint64_t size) {
    MF_ASSIGN_OR_RETURN(Segment segment, Segment::create("memfabric-hbm", size, options_, size));
    MF_RETURN_IF_ERROR(segment.commit(0, size));
    return std::unique_ptr<Allocation>(std::make_unique<HostAllocation>(std::move(segment)));
}

Result<std::unique_ptr<Allocation>> HostProvider::import_handle(Fd handle, uint64_t size) {
    MF_ASSIGN_OR_RETURN(Segment segment, Segment::adopt(std::move(handle), size));
    return std::unique_ptr<Allocation>(std::make_unique<HostAllocation>(std::move(segment)));
}

Status HostProvider::map(AddressRange part, const Allocation& allocation) {
    const auto* const host = dynamic_cast<const HostAllocation*>(&allocation);
    if (host == nullptr || allocation.size() != part.size) {
        return failure(Code::kInvalidParam,
                       "an allocation of {} bytes of another kind or size cannot be mapped at {} bytes",
                       allocation.size(), part.size);
    }
    MF_RETURN_IF_ERROR(map_over(part, PROT_READ | PROT_WRITE, MAP_SHARED, host->segment().descriptor()));
    mapped_->remove(part);
    mapped_->add(part);
    return {};
}

Status HostProvider::unmap(AddressRange part) {
    mapped_->remove(part);
    return make_inaccessible(part);
}

Result<std::unique_ptr<MemoryProvider>> make_provider(const Options& options) {
    auto provider = std::make_unique<HostProvider>(options);
    MF_RETURN_IF_ERROR(provider->viability());
    return std::unique_ptr<MemoryProvider>(std::move(provider));
}

}  // namespace memfabric::memory
