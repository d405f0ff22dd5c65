// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "smem_bm.h"

namespace memfabric::measure {

/// This process and a child as the two ranks of a pool, through the public interface. The child does nothing
/// but own its memory. Failures are exceptions that carry the library's text.
class BmPair {
 public:
    /// `peer_command` is a program and its arguments that calls run_bm_peer() with the two arguments that are
    /// appended: the store's URL and the size. Every page of the pool is mapped and written on both sides
    /// when this returns.
    BmPair(uint64_t region_size, std::vector<std::string> peer_command);
    ~BmPair();
    BmPair(const BmPair&) = delete;
    BmPair& operator=(const BmPair&) = delete;

    smem_bm_t handle() const { return handle_; }
    size_t region_size() const { return region_size_; }
    std::byte* own_region() const { return region(0); }
    std::byte* peer_region() const { return region(1); }

    /// Throws where the copy fails.
    void copy(std::byte* destination, const std::byte* source, size_t size, smem_bm_copy_type type,
              uint32_t flags = 0) const {
        smem_copy_params parameters{source, destination, size};
        check(smem_bm_copy(handle_, &parameters, type, flags), "smem_bm_copy");
    }

    static void check(int32_t code, const char* call) {
        if (code != 0) {
            fail(code, call);
        }
    }

 private:
    [[noreturn]] static void fail(int32_t code, const char* call);
    std::byte* region(uint16_t rank) const { return static_cast<std::byte*>(smem_bm_ptr(handle_, rank)); }
    void start_peer(const std::vector<std::string>& command);
    void join(const std::string& url);
    void await_peer();
    void stop_peer();

    uint64_t region_size_;
    smem_bm_t handle_ = nullptr;
    pid_t peer_ = -1;
    int to_peer_ = -1;    // closing it ends the peer
    int from_peer_ = -1;  // becomes readable when the peer has joined
};

/// The child's part: joins as rank 1, says so on standard output, and stays until standard input ends.
/// Returns the exit code.
int run_bm_peer(const std::string& url, uint64_t region_size);

/// The program that runs, for a peer command.
std::string own_program();

}  // namespace memfabric::measure
