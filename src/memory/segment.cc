// SPDX-License-Identifier: Apache-2.0
#include "memory/segment.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/log.h"
#include "memory/machine_memory.h"

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21U << 26)
#endif

namespace memfabric::memory {
namespace {

constexpr uint64_t kCommitStep = uint64_t{64} << 20;
constexpr uint64_t kShortestStep = uint64_t{2} << 20;
/// From here on ranks that take memory at the same time might together take more than there is.
constexpr uint64_t kScarce = 64 * kCommitStep;
constexpr uint64_t kCommitLock = 0;  // offset; regions begin behind a header
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

enum class HugePages { kOff, kTry, kRequire };  // the order of MF_HUGE_PAGES' words

Result<Fd> make_memfd(const std::string& name, uint64_t size, PageKind pages) {
    const unsigned huge = pages == PageKind::kHuge ? MFD_HUGETLB | MFD_HUGE_2MB : 0U;
    Fd descriptor(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | huge));
    if (!descriptor.is_open()) {
        return failure(Code::kMallocFailed, "making shared segment '{}' failed ({})", name,
                       errno_text(errno));
    }
    if (::ftruncate(descriptor.get(), static_cast<off_t>(size)) != 0) {
        return failure(Code::kMallocFailed, "sizing shared segment '{}' to {} bytes failed ({})", name, size,
                       errno_text(errno));
    }
    if (::fcntl(descriptor.get(), F_ADD_SEALS, kSeals) != 0) {
        return failure(Code::kMallocFailed, "sealing shared segment '{}' failed ({})", name,
                       errno_text(errno));
    }
    return descriptor;
}

Status check_huge_pages(uint64_t demand) {
    const uint64_t available = available_huge_bytes();
    if (available >= demand) {
        return {};
    }
    return failure(
        Code::kMallocFailed,
        "{} bytes in huge pages are wanted, {} are free in the kernel's pool of 2 MiB pages: raise "
        "/proc/sys/vm/nr_hugepages or set MF_HUGE_PAGES=off",
        demand, available);
}

Result<Fd> make_huge_memfd(const std::string& name, uint64_t size, uint64_t demand) {
    MF_RETURN_IF_ERROR(check_huge_pages(demand));
    return make_memfd(name, size, PageKind::kHuge);
}

}  // namespace

Result<Segment> Segment::create(const std::string& name, uint64_t size, const Options& options,
                                uint64_t demand) {
    const auto wish = static_cast<HugePages>(options.integer(OptionId::kHugePages));
    if (wish != HugePages::kOff) {
        Result<Fd> huge = make_huge_memfd(name, size, demand);
        if (huge.is_ok()) {
            return Segment(std::move(huge).value(), size, PageKind::kHuge);
        }
        if (wish == HugePages::kRequire) {
            return std::move(huge).status();
        }
        static std::atomic<bool> warned{false};
        if (!warned.exchange(true)) {
            log_warn("segment '{}', and each that is refused after it, has normal pages: {}", name,
                     huge.status().message());
        }
    }
    MF_ASSIGN_OR_RETURN(Fd descriptor, make_memfd(name, size, PageKind::kNormal));
    return Segment(std::move(descriptor), size, PageKind::kNormal);
}

Result<Segment> Segment::adopt(Fd descriptor, uint64_t size) {
    struct stat facts {};
    struct statfs system {};
    if (::fstat(descriptor.get(), &facts) != 0 || ::fstatfs(descriptor.get(), &system) != 0) {
        return failure(Code::kError, "a segment handed over by another process cannot be examined ({})",
                       errno_text(errno));
    }
    const int seals = ::fcntl(descriptor.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || static_cast<uint64_t>(facts.st_size) != size) {
        return failure(Code::kRefused,
                       "a segment handed over by another process has {} bytes and seals {:#x}; expected are "
                       "{} bytes that cannot shrink",
                       facts.st_size, seals, size);
    }
    const PageKind pages = system.f_type == HUGETLBFS_MAGIC ? PageKind::kHuge : PageKind::kNormal;
    return Segment(std::move(descriptor), size, pages);
}

Status Segment::commit(uint64_t offset, uint64_t size) {
    Status status = commit_pages(offset, size);
    if (!status.is_ok()) {
        static_cast<void>(discard(offset, size));
    }
    return status;
}

Status Segment::commit_pages(uint64_t offset, uint64_t size) {
    if (pages_ == PageKind::kHuge) {
        MF_RETURN_IF_ERROR(check_huge_pages(size));
    }
    // In steps, because other ranks take memory at the same time, and past the machine's limit the kernel
    // kills. Where little is left, one after the other: not all are to count on the same free bytes.
    uint64_t longest = kCommitStep;
    for (uint64_t done = 0; done < size;) {
        const bool is_normal = pages_ == PageKind::kNormal;
        const auto turn = is_normal && available_bytes() < size - done + kScarce
                              ? SegmentLock::wait_for(descriptor_.get(), kCommitLock)
                              : std::nullopt;
        if (is_normal) {
            MF_RETURN_IF_ERROR(check_available(size - done));
        }
        const uint64_t step = std::min(longest, size - done);
        if (::fallocate(descriptor_.get(), 0, static_cast<off_t>(offset + done), static_cast<off_t>(step)) ==
            0) {
            done += step;
        } else if (errno == EINTR) {
            // A signal undoes the whole call: where they come often only a short one gets through.
            longest = std::max(longest / 2, kShortestStep);
        } else {
            return failure(Code::kMallocFailed, "taking {} bytes of memory failed after {} ({})", size, done,
                           errno_text(errno));
        }
    }
    return {};
}

Status Segment::discard(uint64_t offset, uint64_t size) {
    constexpr int kMode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    while (::fallocate(descriptor_.get(), kMode, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0) {
        if (errno != EINTR) {
            return failure(Code::kError, "giving {} bytes of memory back failed ({})", size,
                           errno_text(errno));
        }
    }
    return {};
}

namespace {

bool change_lock(int descriptor, uint64_t offset, short kind, int command = F_SETLK) {
    struct flock request {};
    request.l_type = kind;
    request.l_whence = SEEK_SET;
    request.l_start = static_cast<off_t>(offset);
    request.l_len = 1;
    return ::fcntl(descriptor, command, &request) == 0;
}

}  // namespace

std::optional<SegmentLock> SegmentLock::try_lock(const Segment& segment, uint64_t offset) {
    if (!change_lock(segment.descriptor(), offset, F_WRLCK)) {
        return std::nullopt;
    }
    return SegmentLock(segment.descriptor(), offset);
}

std::optional<SegmentLock> SegmentLock::wait_for(int descriptor, uint64_t offset) {
    while (!change_lock(descriptor, offset, F_WRLCK, F_SETLKW)) {
        if (errno != EINTR) {
            return std::nullopt;
        }
    }
    return SegmentLock(descriptor, offset);
}

SegmentLock::SegmentLock(SegmentLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), offset_(other.offset_) {}

SegmentLock::~SegmentLock() {
    if (descriptor_ >= 0) {
        change_lock(descriptor_, offset_, F_UNLCK);
    }
}

}  // namespace memfabric::memory
