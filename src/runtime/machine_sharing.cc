// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "memory/arena.h"
#include "runtime/machine_checks.h"
#include "transport/mapped/runtime_folder.h"

namespace memfabric {
namespace {

constexpr int kReadFailed = 255;  // of the probing child; smaller values are errno, 0 is success

/// Reads a word of `owner`'s memory at our own address of it; 0 or errno. Safe between fork and exit.
int attach_and_read(pid_t owner, uint64_t expected, const uint64_t* at) {
    uint64_t seen = 0;
    const iovec local{&seen, sizeof seen};
    const iovec remote{const_cast<uint64_t*>(at), sizeof seen};
    if (::process_vm_readv(owner, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(sizeof seen)) {
        return errno;
    }
    return seen == expected ? 0 : kReadFailed;
}

/// A child reads its parent: like a neighbour, and unlike a parent that reads its child, it is no ancestor.
/// nullopt: no child.
std::optional<int> probe_attach() {
    static const uint64_t word = 0x6d656d6661627269;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        return std::nullopt;
    }
    if (child == 0) {
        ::_exit(attach_and_read(parent, word, &word));
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return std::nullopt;
        }
    }
    return WIFEXITED(status) ? std::optional(WEXITSTATUS(status)) : std::nullopt;
}

MachineCheck attach_check() {
    const std::string yama = first_line_of("/proc/sys/kernel/yama/ptrace_scope");
    const std::string scope = yama.empty() ? "no yama" : "yama ptrace_scope " + yama;
    const std::optional<int> outcome = probe_attach();
    if (!outcome) {
        return {"cross-memory attach", false, "could not be tried: no process could be started",
                "check the limit of processes (ulimit -u)"};
    }
    if (*outcome == 0) {
        return {"cross-memory attach", true,
                fmt::format("works ({}): TRANS copies memory that a peer allocated itself by it", scope), ""};
    }
    const std::string value = fmt::format("fails: {} ({})", errno_text(*outcome), scope);
    const bool by_yama = !yama.empty() && yama != "0";
    return {"cross-memory attach", false, value,
            by_yama
                ? "TRANS takes memory that a peer allocated itself through a staging ring, which is slower: "
                  "`sysctl kernel.yama.ptrace_scope=0` as root, or MF_TRANS_PTRACER=1 in the processes"
                : "TRANS takes memory that a peer allocated itself through a staging ring, which is slower: "
                  "allow process_vm_readv in the container's seccomp profile, or give it CAP_SYS_PTRACE"};
}

MachineCheck segment_check() {
    const Fd file(::memfd_create("memfabric-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const bool works = file.is_open() && ::ftruncate(file.get(), 4096) == 0 &&
                       ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0;
    return {"shared segments (memfd, sealing)", works, works ? "work" : "fail: " + errno_text(errno),
            works
                ? ""
                : "the pool cannot work without them: allow memfd_create in the container's seccomp profile"};
}

MachineCheck arena_check(const Options& options) {
    const auto candidates = memory::base_candidates(options);
    if (!candidates.is_ok()) {
        return {"address space", false, candidates.status().message(), "correct or unset MF_GVA_BASE"};
    }
    const uint64_t size = memory::arena_size(options);
    std::string free;
    const std::vector<uint64_t> usable = memory::usable_bases(*candidates, size);
    for (const uint64_t base : usable) {
        free += fmt::format("{}{:#x}", free.empty() ? "" : " ", base);
    }
    std::string value = fmt::format("{} of {} candidates have {} free: {}", usable.size(), candidates->size(),
                                    bytes_text(size), free);
    return {
        "address space", !usable.empty(), value,
        usable.empty()
            ? "choose other bases by MF_GVA_BASE or a smaller MF_ARENA_SIZE; `ulimit -v` must be unlimited"
            : ""};
}

MachineCheck folder_check(const Options& options) {
    const auto folder = transport::RuntimeFolder::open(options);
    if (!folder.is_ok()) {
        return {"runtime folder", false, folder.status().message(),
                "name one that only you can write to by MF_RUNTIME_DIR"};
    }
    return {"runtime folder", true, folder->path(), "containers of one host that share it share memory"};
}

}  // namespace

void check_sharing(std::vector<MachineCheck>& checks, const Options& options) {
    checks.push_back(segment_check());
    checks.push_back(arena_check(options));
    checks.push_back(attach_check());
    checks.push_back(folder_check(options));
}

}  // namespace memfabric
