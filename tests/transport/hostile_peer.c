/* SPDX-License-Identifier: Apache-2.0 */
/* A peer with bugs, made by hand on libfabric alone: it reaches for memory that it was not given, and sends
 * messages that are none. Arguments: what to do, the engine address in hexadecimal digits, key, offset, size.
 * Says "done" where the engine reported success, "refused" where it reported an error, and exits with 0; else
 * says what it could not do. One more argument: for so many seconds as often as the engine takes it, whatever
 * comes of it; says how often. */
#include <errno.h>
#include <rdma/fabric.h>
#include <rdma/fi_atomic.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <rdma/fi_tagged.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ADDRESS_LIMIT = 128, LOCAL_SIZE = 1 << 20, PATIENCE = 30 /* seconds */, AT_ONCE = 32 };

struct peer {
    struct fi_info* info;
    struct fid_fabric* fabric;
    struct fid_domain* domain;
    struct fid_av* addresses;
    struct fid_cq* queue;
    struct fid_ep* endpoint;
    fi_addr_t target;
};

static void must(int code, const char* attempted) {
    if (code != 0) {
        printf("%s: %s\n", attempted, fi_strerror(-code));
        exit(1);
    }
}

static void open_endpoint(struct peer* peer) {
    struct fi_info* hints = fi_allocinfo();
    struct fi_av_attr addresses = {.type = FI_AV_TABLE};
    struct fi_cq_attr queue = {.format = FI_CQ_FORMAT_CONTEXT, .wait_obj = FI_WAIT_NONE};
    hints->caps = FI_MSG | FI_RMA | FI_ATOMIC | FI_TAGGED;
    hints->ep_attr->type = FI_EP_RDM;
    hints->fabric_attr->prov_name = strdup("tcp;ofi_rxm");
    must(fi_getinfo(FI_VERSION(1, 15), "127.0.0.1", NULL, FI_SOURCE, hints, &peer->info), "fi_getinfo");
    fi_freeinfo(hints);
    must(fi_fabric(peer->info->fabric_attr, &peer->fabric, NULL), "fi_fabric");
    must(fi_domain(peer->fabric, peer->info, &peer->domain, NULL), "fi_domain");
    must(fi_av_open(peer->domain, &addresses, &peer->addresses, NULL), "fi_av_open");
    must(fi_cq_open(peer->domain, &queue, &peer->queue, NULL), "fi_cq_open");
    must(fi_endpoint(peer->domain, peer->info, &peer->endpoint, NULL), "fi_endpoint");
    must(fi_ep_bind(peer->endpoint, &peer->addresses->fid, 0), "fi_ep_bind");
    must(fi_ep_bind(peer->endpoint, &peer->queue->fid, FI_TRANSMIT | FI_RECV), "fi_ep_bind");
    must(fi_enable(peer->endpoint), "fi_enable");
}

static void find_target(struct peer* peer, const char* digits) {
    unsigned char address[ADDRESS_LIMIT] = {0};
    for (size_t i = 0; i < sizeof address && digits[2 * i] != '\0'; ++i) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        address[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    must(fi_av_insert(peer->addresses, address, 1, &peer->target, 0, NULL) == 1 ? 0 : -FI_EINVAL,
         "fi_av_insert");
}

static ssize_t post(struct peer* peer, const char* what, char* local, uint64_t key, uint64_t offset,
                    size_t size) {
    if (strcmp(what, "message") == 0) {
        return fi_send(peer->endpoint, local, size, NULL, peer->target, NULL);
    }
    if (strcmp(what, "atomic") == 0) {
        return fi_atomic(peer->endpoint, local, size / sizeof(uint64_t), NULL, peer->target, offset, key,
                         FI_UINT64, FI_ATOMIC_WRITE, NULL);
    }
    if (strcmp(what, "tag") == 0) {
        return fi_tsend(peer->endpoint, local, size, NULL, peer->target, 7, NULL);
    }
    struct iovec own = {local, size};
    struct fi_rma_iov there = {offset, size, key};
    struct fi_msg_rma message = {
        .msg_iov = &own, .iov_count = 1, .addr = peer->target, .rma_iov = &there, .rma_iov_count = 1};
    return strcmp(what, "put") == 0
               ? fi_writemsg(peer->endpoint, &message, FI_COMPLETION | FI_DELIVERY_COMPLETE)
               : fi_readmsg(peer->endpoint, &message, FI_COMPLETION);
}

/* 1 or -1 where anything was reported: its success, or not. */
static int look(struct peer* peer) {
    struct fi_cq_entry entry;
    struct fi_cq_err_entry error = {0};
    errno = 0; /* the engine takes it for the reason why a connection ended */
    const ssize_t count = fi_cq_read(peer->queue, &entry, 1);
    if (count == 1) {
        return 1;
    }
    return count == -FI_EAVAIL && fi_cq_readerr(peer->queue, &error, 0) == 1 ? -1 : 0;
}

/* The queue moves only while it is read. */
static const char* outcome(struct peer* peer) {
    const time_t end = time(NULL) + PATIENCE;
    int seen = 0;
    while (seen == 0 && time(NULL) < end) {
        seen = look(peer);
    }
    return seen == 0 ? "nothing was reported" : seen > 0 ? "done" : "refused";
}

static void flood(struct peer* peer, char** words, char* local, time_t seconds) {
    const uint64_t key = strtoull(words[3], NULL, 0);
    const uint64_t offset = strtoull(words[4], NULL, 0);
    const size_t size = (size_t)strtoull(words[5], NULL, 0);
    const time_t end = time(NULL) + seconds;
    unsigned long posted = 0;
    unsigned long ended = 0;
    unsigned long failed = 0;
    while (time(NULL) <= end) {
        if (posted < ended + AT_ONCE && post(peer, words[1], local, key, offset, size) == 0) {
            ++posted;
        }
        const int seen = look(peer);
        ended += seen != 0;
        failed += seen < 0;
    }
    printf("%lu, %lu of them in vain\n", ended, failed);
}

int main(int count, char** words) {
    static char local[LOCAL_SIZE];
    /* Static: what is open goes with the process, as it does with one that crashes, and is no leak. */
    static struct peer peer;
    if (count != 6 && count != 7) {
        printf("usage: %s put|get|atomic|message|tag ADDRESS KEY OFFSET SIZE [SECONDS]\n", words[0]);
        return 1;
    }
    const uint64_t key = strtoull(words[3], NULL, 0);
    const uint64_t offset = strtoull(words[4], NULL, 0);
    const size_t size = (size_t)strtoull(words[5], NULL, 0);
    memset(local, 0xbd, sizeof local);
    open_endpoint(&peer);
    find_target(&peer, words[2]);
    if (count == 7) {
        flood(&peer, words, local, (time_t)strtol(words[6], NULL, 0));
        fi_freeinfo(peer.info);
        return 0;
    }
    ssize_t code = -FI_EAGAIN;
    const time_t end = time(NULL) + PATIENCE;
    while (code == -FI_EAGAIN && time(NULL) < end) {
        code = post(&peer, words[1], local, key, offset, size);
        struct fi_cq_entry entry;
        if (code == -FI_EAGAIN) {
            (void)fi_cq_read(peer.queue, &entry, 0);
        }
    }
    must((int)code, "posting");
    puts(outcome(&peer));
    for (size_t i = 0; i < sizeof local && strcmp(words[1], "get") == 0; ++i) {
        if ((unsigned char)local[i] != 0xbd) {
            puts("and something was read");
            break;
        }
    }
    fi_freeinfo(peer.info);
    return 0;
}
