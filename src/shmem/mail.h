// SPDX-License-Identifier: Apache-2.0
// Short messages between PEs of different hosts, without an answer: one put each. Every PE has, at the end of
// its region, a ring of slots for each PE of another host.
//
// Its sender does not wait for the word that it arrived, and asks for none at first: it learns by what comes
// back from its receiver that it was taken. Where that does not come it is put once more, with word. A put's
// bytes may arrive in any order, so a message carries its number and a hash of all of it, and is there when
// both fit: its receiver needs no second put behind the first to tell it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace memfabric::shmem {

/// Bytes at the end of each PE's region.
uint64_t mail_area_size(int pes);
/// Once it is known who lives where. Takes the memory; ends the job where there is none.
void open_mail();
/// Returns when all that was sent has arrived. Nothing is sent any more, and all PEs are still there.
void confirm_mail(const char* call);
void close_mail();

/// Bytes that fit into one message.
size_t largest_mail();

/// To a PE of another host. Those that one PE sends under one key arrive in their order. It waits where the
/// receiver has not taken the last ones yet.
void send_mail(int pe, uint64_t key, uint32_t value, const void* data, size_t bytes, const char* call);
/// Waits for the next message of that PE under the key; it has `bytes` bytes, or the job ends. Returns its
/// value.
uint32_t receive_mail(int pe, uint64_t key, void* data, size_t bytes, const char* call);

}  // namespace memfabric::shmem
