// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the Python extension, the command `mf` and libmf_shmem.so of the same build need beyond the public
// headers. C types only; no promise between builds: the caller compares mf_private_build_id() with its own
// before anything else.

#include <stddef.h>
#include <stdint.h>

#include "smem_bm_def.h"
#include "smem_shm_def.h"
#include "smem_trans_def.h"

/// Number of this interface: raised with every change of a signature or a meaning below.
#define MF_PRIVATE_INTERFACE 16

#ifdef __cplusplus
extern "C" {
#endif

/// "VERSION/MF_PRIVATE_INTERFACE"; equal in every part of one build.
const char* mf_private_build_id(void);

/// Code of the failure that smem_get_last_err_msg() tells of, also where the function that failed returns
/// none.
int32_t mf_private_last_error_code(void);

/// What the program that started this process (mf run, torchrun, mpirun, Slurm) says in the environment of
/// its place among its siblings.
typedef struct {
    char launcher[16];
    uint32_t rank;
    uint32_t world_size;
} mf_private_launch_t;
/// 1, or 0 where nobody says anything.
int32_t mf_private_detect_launch(mf_private_launch_t* place);
/// The URL of the config store that the environment names (SHMEM_MASTER_ADDR and SHMEM_MASTER_PORT,
/// MF_STORE_URL, MASTER_ADDR and MASTER_PORT + 11), to be freed with mf_private_free_text, or NULL; to
/// `*served` goes whether it runs already: 1, or 0 where the first rank is to serve it.
char* mf_private_store_of_environment(int32_t* served);

/// Keeps the address range of the handle's object mapped until the token is released, also after destroy and
/// uninit: for views. The range [address, address + size) must lie in the object's window, and none of it be
/// of a rank on another host. NULL on failure.
void* mf_private_bm_retain_view(smem_bm_t handle, uint64_t address, uint64_t size);
/// The same of an SHM object.
void* mf_private_shm_retain_view(smem_shm_t handle, uint64_t address, uint64_t size);
void mf_private_release_view(void* token);

/// smem_shm_create(), but only the first `committedSize` bytes of each rank's part have memory from the
/// start; the rest is taken by mf_private_shm_commit() before it is used.
smem_shm_t mf_private_shm_create(uint32_t id, uint32_t rankSize, uint32_t rankId, uint64_t symmetricSize,
                                 uint64_t committedSize, void** gva);
/// Takes memory for [offset, offset + size) of the caller's own part; SM_MALLOC_FAILED where the machine or
/// the memory group has not enough. Nothing stays taken then.
int32_t mf_private_shm_commit(smem_shm_t handle, uint64_t offset, uint64_t size);
/// Gives it back; it reads as zeros, and whoever touches it takes memory unasked. Where a network device of
/// this process holds the pages, they stay taken from mf_private_shm_create() on.
int32_t mf_private_shm_discard(smem_shm_t handle, uint64_t offset, uint64_t size);

/// The lowest rank that lives on the same host as `rank`: names that host, alike at all ranks. A negative
/// code on failure.
int32_t mf_private_shm_host(smem_shm_t handle, uint32_t rank);

/// smem_shm_put() and smem_shm_get() that may return before they are done: until mf_private_shm_quiet() both
/// sides are in use. Within a host they are done on return.
int32_t mf_private_shm_put_nbi(smem_shm_t handle, void* dest, const void* src, size_t size);
int32_t mf_private_shm_get_nbi(smem_shm_t handle, void* dest, const void* src, size_t size);
/// Returns when all that the process began before the call are done; the failure of any since the last call.
int32_t mf_private_shm_quiet(smem_shm_t handle);

/// A put that goes on by itself and that mf_private_shm_quiet() does not wait for. `*post`, NULL where it is
/// done already, is to be given to mf_private_shm_end_post() or mf_private_shm_settle_post(); until then the
/// source is in use. `word` 0: the peer is not asked for word that it arrived, unless the post is still there
/// a moment later. It is put again then: until it is done or settled the same bytes may be written twice.
typedef struct mf_private_post mf_private_post;
int32_t mf_private_shm_post(smem_shm_t handle, void* dest, const void* src, size_t size, int32_t word,
                            mf_private_post** post);
/// Whether mf_private_shm_end_post() would not wait: 1 or 0.
int32_t mf_private_shm_post_is_done(const mf_private_post* post);
/// Waits until it is done, and frees it. Returns what smem_shm_put() does.
int32_t mf_private_shm_end_post(smem_shm_t handle, mf_private_post* post);
/// Frees it, for a caller who knows that it arrived, or does not care any more.
void mf_private_shm_settle_post(mf_private_post* post);

/// Atomic operation on the word of `size` (4 or 8) bytes at `gva`, one coherent set with CPU atomics on the
/// owner's host. `kind`: fetch, set, swap, compare and swap (where `comparand` is there), add, and, or, xor:
/// 0 to 7. The value before goes to `old`, which may be NULL.
int32_t mf_private_shm_atomic(smem_shm_t handle, void* gva, uint32_t size, uint32_t kind, uint64_t operand,
                              uint64_t comparand, uint64_t* old);

/// smem_shm_put() and smem_shm_get() of `height` rows of `width` bytes; the pitches are in bytes, and not
/// below `width`.
int32_t mf_private_shm_put_rows(smem_shm_t handle, void* dest, size_t destPitch, const void* src,
                                size_t srcPitch, size_t width, size_t height);
int32_t mf_private_shm_get_rows(smem_shm_t handle, void* dest, size_t destPitch, const void* src,
                                size_t srcPitch, size_t width, size_t height);

/// `changed(context)` is called after processes of other hosts may have changed this one's memory, on a
/// thread of the library that moves data: it must be quick, and copy nothing. One a process; NULL ends it, as
/// destroy does: on return it does not run and never will.
int32_t mf_private_shm_on_activity(smem_shm_t handle, void (*changed)(void* context), void* context);

/// Lets what other hosts do to this process's memory happen now: for whoever spins until it has. Never waits.
void mf_private_shm_poll(smem_shm_t handle);

/// `lost` is called, on a thread of the library, with each rank that went without having left.
int32_t mf_private_shm_register_loss(smem_shm_t handle, void (*lost)(uint32_t rank));
/// Does what the process's exit does: removes sockets, has the stores that it serves say goodbye, and writes
/// counters. For whoever leaves by _exit().
void mf_private_make_exit_calls(void);
/// Removes the sockets that killed processes have left in the folder of MF_RUNTIME_DIR.
void mf_private_sweep_runtime_folder(void);

/// smem_shm_register_exit() with a function that is given `context`.
int32_t mf_private_shm_register_exit(smem_shm_t handle, void (*exit)(int status, void* context),
                                     void* context);

/// Keeps the memory of smem_trans_malloc() of the session mapped until the token is released, also after its
/// destroy. NULL on failure.
void* mf_private_trans_retain(smem_trans_t handle);
/// Gives `memory`, of smem_trans_malloc(), back, and the token up.
void mf_private_trans_release(void* token, void* memory);
/// What the session has moved, by path: {"mapped": {"operations", "bytes"}, "attach": ..., "staging": ...}.
char* mf_private_trans_counters_json(smem_trans_t handle);

/// What this process has counted: {"pid", "started", "program", "host_id", "metrics", "counters":
/// [{"operation", "path", "peer", "operations", "bytes"}], "latencies": [{"operation", "path", "measured",
/// "seconds", "p50_us", "p99_us", "buckets": [{"below_ns", "count"}]}], "errors": [{"where", "code",
/// "count"}]}.
char* mf_private_counters_json(void);
/// {"processes": [the same]}: of all processes of this user on this host but the caller.
char* mf_private_processes_json(void);
/// Answers Prometheus at "host:port" until the process ends; the address really listened on, or NULL.
char* mf_private_start_metrics(const char* address);
/// The first of `count` cells for operations on the mapped memory of PEs, PE 0's. `operation`: 0 put, 1 get,
/// 2 atomic. A cell is two numbers of 64 bits, operations and bytes, at mf_private_counter_cells + 16 * cell.
/// To `first_word` goes the first of as many words for those of 8 bytes: one number, of operations, at
/// mf_private_counter_cells + 8 * word.
uint32_t mf_private_shmem_cells(uint32_t operation, uint32_t count, uint32_t* first_word);
/// Count in a thread that has no cells yet; nonzero where the operation is to be measured.
int mf_private_count_slowly(uint32_t cell, uint64_t bytes);
int mf_private_count_word_slowly(uint32_t word);
/// Adds to the histogram of mapped operations, numbered as in mf_private_shmem_cells(), and logs what was
/// slow: `bytes` of memory of PE `pe`.
void mf_private_shmem_time(uint32_t operation, int pe, uint64_t bytes, uint64_t nanoseconds);
/// What this process has moved to and from other hosts since it was initialized: {"put": {"calls", "bytes"},
/// "get": {"calls", "bytes"}, "operations": {"begun", "retried"}}.
char* mf_private_fabric_counters_json(void);

/// Leaves `text` for smem_get_last_err_msg() and logs it, as a failed function of the library does; returns
/// `code`.
int32_t mf_private_report(int32_t code, const char* text);

/// How often who waits long says so, in milliseconds: MF_WAIT_NOTICE.
int64_t mf_private_wait_notice(void);
/// Logs that the caller has been waiting for so long; a warning, or information.
void mf_private_log_wait(int warns, double seconds, const char* text);

/// Restores the log on standard error.
void mf_private_reset_logger(void);

/// JSON texts, NUL-terminated; free with mf_private_free_text.
/// {"options": [{name, type, default, range, value, given, text}]}
char* mf_private_options_json(void);
/// What this machine can do and why not: {"checks": [{name, ok, value, advice}], "fabric": {libfabric,
/// chosen, chosen_domain, refusal, local_address, providers: [{name, usable, note, ways: [{domain,
/// address}]}], interfaces: [{name, up, loopback, addresses, details}], rdma_ports: [{name, active,
/// details}]}}
char* mf_private_info_json(void);
void mf_private_free_text(char* text);

/// This process as one that looks into the fabric of a config store, for `mf ping` and `mf bench fabric`: who
/// is there, by which path, how fast. `memory` bytes are offered to others; 0: none. NULL on failure. A probe
/// is used by one thread at a time.
void* mf_private_probe_open(const char* url, uint64_t memory, uint32_t timeoutMs);
void mf_private_probe_close(void* probe);
/// {"own": {host, host_id, pid, program, id, offers}, "peers": [the same, and {number, same_host, provider,
/// local_address, interface, address}]}: the processes that are there now. A number stays with its process.
char* mf_private_probe_json(void* probe, uint32_t timeoutMs);
/// 0: the process has answered. Else a code, and why not in `*problem`, to be freed with
/// mf_private_free_text; nothing is logged.
int32_t mf_private_probe_ping(void* probe, uint32_t peer, uint32_t timeoutMs, char** problem);
typedef struct {
    void* local;
    uint64_t offset; /* in the memory that the peer offers */
    uint64_t size;
} mf_private_piece_t;
int32_t mf_private_probe_copy(void* probe, uint32_t peer, int toPeer, const mf_private_piece_t* pieces,
                              uint32_t count, uint32_t timeoutMs);
/// Adds to 8 bytes of the memory that the peer offers; `*old` is what was there.
int32_t mf_private_probe_add(void* probe, uint32_t peer, uint64_t offset, uint64_t value, uint64_t* old,
                             uint32_t timeoutMs);

/// Flags of the functions below.
#define MF_CERTIFICATES_REPLACE (1U << 0) /* an authority that is there is replaced, not respected */
#define MF_CERTIFICATES_RSA (1U << 1)     /* RSA keys of 3072 bits; without it EC keys on P-256 */

/// Makes an authority (ca.crt, ca.key, ca.crl) and certificates "server" and "client" signed by it, in
/// `folder`; 0 or a code. `hosts` is a comma-separated list of names and addresses for the server's;
/// `password` may be "" for unencrypted keys, else it is also written to key.password.
int32_t mf_private_make_certificates(const char* folder, const char* hosts, const char* password,
                                     uint32_t days, uint32_t flags);
/// One more certificate of the authority in `folder`: `name`.crt and `name`.key, for a process that serves
/// and connects.
int32_t mf_private_issue_certificate(const char* folder, const char* name, const char* hosts,
                                     const char* password, uint32_t days, uint32_t flags);
/// Puts the certificate on the authority's revocation list.
int32_t mf_private_revoke_certificate(const char* folder, const char* certificate, const char* password);
/// The tls_info string for the certificate `name` in `folder`.
char* mf_private_tls_info(const char* folder, const char* name, int encrypted);

/// A config store that serves until `stop_descriptor` becomes readable. `bound`, called once, gets the
/// address really listened on.
int32_t mf_private_serve_store(const char* url, int stop_descriptor,
                               void (*bound)(const char* url, void* context), void* context);

#ifdef __cplusplus
}
#endif
