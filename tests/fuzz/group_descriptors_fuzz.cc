// SPDX-License-Identifier: Apache-2.0
// What members of a group say of themselves in the store, and the header of a segment of their window.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/window_segment.h"
#include "runtime/member_entry.h"
#include "runtime/process_directory.h"
#include "shm/claim.h"
#include "tests/fuzz/fuzz.h"

using namespace memfabric;
using fuzz::require;

namespace {

void check_entries(std::string_view bytes) {
    const Result<MemberEntry> entry = decode_entry(bytes);
    fuzz::require_reason(entry.status());
    require(!entry.is_ok() || encode_entry(*entry) == bytes);
    const Result<ProcessRecord> record = decode_process_record(bytes);
    fuzz::require_reason(record.status());
    require(!record.is_ok() || encode_process_record(*record) == bytes);
}

/// The bytes as claims of several processes, one a line.
void check_claims_of(std::string_view bytes) {
    shm::Claims claims;
    for (uint32_t process = 0; process < 16; ++process) {
        const size_t end = std::min(bytes.find('\n'), bytes.size());
        const shm::Claim claim = shm::Claim::decode(process, process + 1, bytes.substr(0, end));
        require(claim.world_rank == process && claim.epoch == process + 1);
        const shm::Claim again = shm::Claim::decode(process, process + 1, claim.encode());
        require(again.text() == claim.text());
        claims.emplace(process, claim);
        if (end == bytes.size()) {
            break;
        }
        bytes.remove_prefix(end + 1);
    }
    fuzz::require_reason(check_claims(claims));
}

/// A segment that begins with these bytes is taken for the window's only where it says that it is.
void check_header(std::string_view bytes) {
    const memory::Window window(uint64_t{0x2000} << 32, 2, {0, memory::kRegionGranularity});
    const uint64_t size = memory::WindowSegment::window_offset() + window.range().size;
    static const int segment = [size] {
        const int made = ::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        require(::ftruncate(made, static_cast<off_t>(size)) == 0);
        require(::fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
        return made;
    }();
    const std::string_view header = bytes.substr(0, 4096);
    require(::pwrite(segment, header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()));
    const auto adopted = memory::WindowSegment::adopt(Fd(::fcntl(segment, F_DUPFD_CLOEXEC, 0)), window);
    fuzz::require_reason(adopted.status());
    if (adopted.is_ok()) {
        static_cast<void>(adopted->is_member(0));
        static_cast<void>(adopted->epoch(1));
    }
    const std::string zeros(header.size(), '\0');
    require(::pwrite(segment, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    const std::string_view bytes = fuzz::as_text(data, size);
    check_entries(bytes);
    check_claims_of(bytes);
    check_header(bytes);
    return 0;
}
