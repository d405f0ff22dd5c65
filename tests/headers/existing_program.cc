// SPDX-License-Identifier: Apache-2.0
// Shaped like a C++ program of the existing implementation: every common and BM function, SHM and TRANS by
// their names, a decrypt handler with `size_t &`. It must compile without a change; with USE_ONLY_BM it must
// link too.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "smem.h"
#include "smem_bm.h"
#include "smem_bm_def.h"
#include "smem_security.h"
#include "smem_shm.h"
#include "smem_shm_def.h"
#include "smem_trans.h"
#include "smem_trans_def.h"

static int decrypt(const char* cipherText, size_t cipherTextLen, char* plainText, size_t& plainTextLen) {
    if (cipherTextLen > plainTextLen) {
        return -1;
    }
    std::memcpy(plainText, cipherText, cipherTextLen);
    plainTextLen = cipherTextLen;
    return 0;
}

static int decrypt_documented(const char* cipherText, int* cipherTextLen, char* plainText,
                              int* plainTextLen) {
    size_t room = static_cast<size_t>(*plainTextLen);
    const int result = decrypt(cipherText, static_cast<size_t>(*cipherTextLen), plainText, room);
    *plainTextLen = static_cast<int>(room);
    return result;
}

static void log_line(int level, const char* msg) {
    std::printf("%d %s\n", level, msg);
}

static int32_t common(const char* url) {
    const std::string tls = "tlsCaPath: ca; tlsCert: cert.pem; tlsPk: key.pem";
    int32_t result = smem_init(0);
    result |= smem_set_log_level(3);
    result |= smem_set_extern_logger(log_line);
    result |= smem_set_conf_store_tls(true, tls.c_str(), static_cast<uint32_t>(tls.size()));
    result |= smem_set_conf_store_tls(false, nullptr, 0);
    result |= smem_register_decrypt_handler(decrypt);
    result |= smem_register_decrypt_handler(&decrypt);
    const smem_decrypt_handler documented = decrypt_documented;
    result |= smem_register_decrypt_handler(documented);
    result |= smem_register_decrypt_handler(nullptr);
    result |= smem_create_config_store(url);
    std::printf("%s%s\n", smem_get_last_err_msg(), smem_get_and_clear_last_err_msg());
    smem_uninit();
    return result;
}

static int32_t big_memory(const char* url) {
    smem_bm_config_t config;
    int32_t result = smem_bm_config_init(&config);
    config.initTimeout = SMEM_BM_TIMEOUT_MAX;
    config.autoRanking = true;
    config.startConfigStore = true;
    config.dynamicWorldSize = false;
    config.unifiedAddressSpace = true;
    config.rankId = 0;
    result |= smem_bm_init(url, 2, 0, &config);
    smem_bm_t handle = smem_bm_create(0, 2, SMEMB_DATA_OP_SDMA, 0, 1UL << 21, 0);
    void* local = nullptr;
    result |= smem_bm_join(handle, 0, &local);
    std::vector<char> host(4096);
    void* peer = smem_bm_ptr(handle, static_cast<uint16_t>(1 - smem_bm_get_rank_id()));
    smem_copy_params params = {host.data(), peer, host.size()};
    for (smem_bm_copy_type type : {SMEMB_COPY_L2G, SMEMB_COPY_G2L, SMEMB_COPY_G2H, SMEMB_COPY_H2G}) {
        result |= smem_bm_copy(handle, &params, type, 0);
    }
    smem_copy_2d_params rows = {host.data(), 64, peer, 128, 64, 8};
    result |= smem_bm_copy_2d(handle, &rows, SMEMB_COPY_H2G, 0);
    void* sources[] = {host.data(), host.data() + 64};
    void* destinations[] = {peer, local};
    const uint64_t sizes[] = {64, 128};
    void** source_list = sources;
    smem_batch_copy_params batch = {source_list, destinations, sizes, 2};
    result |= smem_bm_copy_batch(handle, &batch, SMEMB_COPY_H2G, ASYNC_COPY_FLAG);
    std::printf("%llu bytes\n", static_cast<unsigned long long>(smem_bm_get_local_mem_size(handle)));
    result |= smem_bm_leave(handle, 0);
    smem_bm_destroy(handle);
    smem_bm_uninit(0);
    return result;
}

#ifndef USE_ONLY_BM
static int32_t shared_memory(const char* url) {
    smem_shm_config_t config;
    int32_t result = smem_shm_config_init(&config);
    result |= smem_shm_init(url, 2, 0, 0, &config);
    void* gva = nullptr;
    smem_shm_t handle = smem_shm_create(0, 2, 0, 1UL << 21, SMEMS_DATA_OP_MTE, 0, &gva);
    char all[16] = {};
    uint32_t reach = smem_shm_query_support_data_operation();
    result |= smem_shm_set_extra_context(handle, all, sizeof(all));
    result |= smem_shm_control_barrier(handle);
    result |= smem_shm_control_allgather(handle, "12345678", 8, all, sizeof(all));
    result |= smem_shm_topology_can_reach(handle, 1, &reach);
    result |= smem_shm_register_exit(handle, [](int status) { std::printf("exit %d\n", status); });
    std::printf("%u of %u\n", smem_shm_get_global_rank(handle), smem_shm_get_global_rank_size(handle));
    smem_shm_global_exit(handle, 0);
    result |= smem_shm_destroy(handle, 0);
    smem_shm_uninit(0);
    return result;
}

static int32_t transfer(const char* url) {
    smem_trans_config_t config;
    int32_t result = smem_trans_config_init(&config);
    config.role = SMEM_TRANS_SENDER;
    config.deviceId = 0;
    result |= smem_trans_init(&config);
    smem_trans_t handle = smem_trans_create(url, "127.0.0.1:12345", &config);
    char memory[64] = {};
    void* addresses[] = {memory, memory + 32};
    const void* sources[] = {memory, memory + 32};
    size_t sizes[] = {32, 32};
    result |= smem_trans_register_mem(handle, memory, sizeof(memory), 0);
    result |= smem_trans_batch_register_mem(handle, addresses, sizes, 2, 0);
    result |= smem_trans_write(handle, memory, "127.0.0.1:12346", memory, sizeof(memory));
    result |= smem_trans_batch_write(handle, sources, "127.0.0.1:12346", addresses, sizes, 2);
    result |= smem_trans_deregister_mem(handle, memory);
    smem_trans_destroy(handle, 0);
    smem_trans_uninit(0);
    return result;
}
#endif

int main(int argc, char** argv) {
    if (argc < 2) {
        return 0;
    }
    int32_t result = common(argv[1]) | big_memory(argv[1]);
#ifndef USE_ONLY_BM
    result |= shared_memory(argv[1]) | transfer(argv[1]);
#endif
    return result == 0 ? 0 : 1;
}
