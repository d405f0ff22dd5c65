/* SPDX-License-Identifier: Apache-2.0 */
/* C11 generic names; included by shmem.h. Fixed-width and size types are other names of the types that stand
 * here. A call with one argument more than the plain form has a context first. */
#ifndef MEMFABRIC_SHMEM_GENERIC_H
#define MEMFABRIC_SHMEM_GENERIC_H

#define SHMEM_COUNT_(...) SHMEM_COUNT_PICK_(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SHMEM_COUNT_PICK_(_1, _2, _3, _4, _5, _6, _7, _8, _9, N, ...) N
#define SHMEM_JOIN_(a, b) SHMEM_JOIN_NOW_(a, b)
#define SHMEM_JOIN_NOW_(a, b) a##b

#define SHMEM_SELECT_RMA_(place, prefix, suffix)         \
    _Generic(*(place), float                             \
             : prefix##float##suffix, double             \
             : prefix##double##suffix, long double       \
             : prefix##longdouble##suffix, char          \
             : prefix##char##suffix, signed char         \
             : prefix##schar##suffix, short              \
             : prefix##short##suffix, int                \
             : prefix##int##suffix, long                 \
             : prefix##long##suffix, long long           \
             : prefix##longlong##suffix, unsigned char   \
             : prefix##uchar##suffix, unsigned short     \
             : prefix##ushort##suffix, unsigned int      \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix)

#define SHMEM_SELECT_AMO_(place, prefix, suffix)         \
    _Generic(*(place), int                               \
             : prefix##int##suffix, long                 \
             : prefix##long##suffix, long long           \
             : prefix##longlong##suffix, unsigned int    \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix)

#define SHMEM_SELECT_AMO_ANY_(place, prefix, suffix)     \
    _Generic(*(place), int                               \
             : prefix##int##suffix, long                 \
             : prefix##long##suffix, long long           \
             : prefix##longlong##suffix, unsigned int    \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix, float          \
             : prefix##float##suffix, double             \
             : prefix##double##suffix)

#define SHMEM_SELECT_AMO_BIT_(place, prefix, suffix)     \
    _Generic(*(place), unsigned int                      \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix, int            \
             : prefix##int32##suffix, long               \
             : prefix##int64##suffix)

#define SHMEM_SELECT_WAIT_(place, prefix, suffix)        \
    _Generic(*(place), int                               \
             : prefix##int##suffix, long                 \
             : prefix##long##suffix, long long           \
             : prefix##longlong##suffix, unsigned int    \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix, short          \
             : prefix##short##suffix, unsigned short     \
             : prefix##ushort##suffix)

#define SHMEM_SELECT_BIT_REDUCE_(place, prefix, suffix)  \
    _Generic(*(place), unsigned char                     \
             : prefix##uchar##suffix, unsigned short     \
             : prefix##ushort##suffix, unsigned int      \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix, signed char    \
             : prefix##int8##suffix, short               \
             : prefix##int16##suffix, int                \
             : prefix##int32##suffix, long               \
             : prefix##int64##suffix)

#define SHMEM_SELECT_COMPARE_REDUCE_(place, prefix, suffix) \
    _Generic(*(place), float                                \
             : prefix##float##suffix, double                \
             : prefix##double##suffix, long double          \
             : prefix##longdouble##suffix, char             \
             : prefix##char##suffix, signed char            \
             : prefix##schar##suffix, short                 \
             : prefix##short##suffix, int                   \
             : prefix##int##suffix, long                    \
             : prefix##long##suffix, long long              \
             : prefix##longlong##suffix, unsigned char      \
             : prefix##uchar##suffix, unsigned short        \
             : prefix##ushort##suffix, unsigned int         \
             : prefix##uint##suffix, unsigned long          \
             : prefix##ulong##suffix, unsigned long long    \
             : prefix##ulonglong##suffix)

#define SHMEM_SELECT_SUM_REDUCE_(place, prefix, suffix)  \
    _Generic(*(place), float                             \
             : prefix##float##suffix, double             \
             : prefix##double##suffix, long double       \
             : prefix##longdouble##suffix, char          \
             : prefix##char##suffix, signed char         \
             : prefix##schar##suffix, short              \
             : prefix##short##suffix, int                \
             : prefix##int##suffix, long                 \
             : prefix##long##suffix, long long           \
             : prefix##longlong##suffix, unsigned char   \
             : prefix##uchar##suffix, unsigned short     \
             : prefix##ushort##suffix, unsigned int      \
             : prefix##uint##suffix, unsigned long       \
             : prefix##ulong##suffix, unsigned long long \
             : prefix##ulonglong##suffix, float _Complex \
             : prefix##complexf##suffix, double _Complex \
             : prefix##complexd##suffix)

#define shmem_put(...) SHMEM_JOIN_(SHMEM_put_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_put_4(dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _put)(dest, source, nelems, pe)
#define SHMEM_put_5(ctx, dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _put)(ctx, dest, source, nelems, pe)

#define shmem_get(...) SHMEM_JOIN_(SHMEM_get_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_get_4(dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _get)(dest, source, nelems, pe)
#define SHMEM_get_5(ctx, dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _get)(ctx, dest, source, nelems, pe)

#define shmem_put_nbi(...) SHMEM_JOIN_(SHMEM_put_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_put_nbi_4(dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _put_nbi)(dest, source, nelems, pe)
#define SHMEM_put_nbi_5(ctx, dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _put_nbi)(ctx, dest, source, nelems, pe)

#define shmem_get_nbi(...) SHMEM_JOIN_(SHMEM_get_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_get_nbi_4(dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _get_nbi)(dest, source, nelems, pe)
#define SHMEM_get_nbi_5(ctx, dest, source, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _get_nbi)(ctx, dest, source, nelems, pe)

#define shmem_iput(...) SHMEM_JOIN_(SHMEM_iput_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_iput_6(dest, source, dst, sst, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _iput)(dest, source, dst, sst, nelems, pe)
#define SHMEM_iput_7(ctx, dest, source, dst, sst, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _iput)(ctx, dest, source, dst, sst, nelems, pe)

#define shmem_iget(...) SHMEM_JOIN_(SHMEM_iget_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_iget_6(dest, source, dst, sst, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _iget)(dest, source, dst, sst, nelems, pe)
#define SHMEM_iget_7(ctx, dest, source, dst, sst, nelems, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _iget)(ctx, dest, source, dst, sst, nelems, pe)

#define shmem_p(...) SHMEM_JOIN_(SHMEM_p_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_p_3(dest, value, pe) SHMEM_SELECT_RMA_((dest), shmem_, _p)(dest, value, pe)
#define SHMEM_p_4(ctx, dest, value, pe) SHMEM_SELECT_RMA_((dest), shmem_ctx_, _p)(ctx, dest, value, pe)

#define shmem_g(...) SHMEM_JOIN_(SHMEM_g_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_g_2(source, pe) SHMEM_SELECT_RMA_((source), shmem_, _g)(source, pe)
#define SHMEM_g_3(ctx, source, pe) SHMEM_SELECT_RMA_((source), shmem_ctx_, _g)(ctx, source, pe)

#define shmem_put_signal(...) SHMEM_JOIN_(SHMEM_put_signal_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_put_signal_7(dest, source, nelems, sig_addr, signal, sig_op, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _put_signal)(dest, source, nelems, sig_addr, signal, sig_op, pe)
#define SHMEM_put_signal_8(ctx, dest, source, nelems, sig_addr, signal, sig_op, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _put_signal)                              \
    (ctx, dest, source, nelems, sig_addr, signal, sig_op, pe)

#define shmem_put_signal_nbi(...) SHMEM_JOIN_(SHMEM_put_signal_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_put_signal_nbi_7(dest, source, nelems, sig_addr, signal, sig_op, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_, _put_signal_nbi)(dest, source, nelems, sig_addr, signal, sig_op, pe)
#define SHMEM_put_signal_nbi_8(ctx, dest, source, nelems, sig_addr, signal, sig_op, pe) \
    SHMEM_SELECT_RMA_((dest), shmem_ctx_, _put_signal_nbi)                              \
    (ctx, dest, source, nelems, sig_addr, signal, sig_op, pe)

#define shmem_atomic_fetch(...) SHMEM_JOIN_(SHMEM_atomic_fetch_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_2(source, pe) SHMEM_SELECT_AMO_ANY_((source), shmem_, _atomic_fetch)(source, pe)
#define SHMEM_atomic_fetch_3(ctx, source, pe) \
    SHMEM_SELECT_AMO_ANY_((source), shmem_ctx_, _atomic_fetch)(ctx, source, pe)

#define shmem_atomic_set(...) SHMEM_JOIN_(SHMEM_atomic_set_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_set_3(dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((dest), shmem_, _atomic_set)(dest, value, pe)
#define SHMEM_atomic_set_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((dest), shmem_ctx_, _atomic_set)(ctx, dest, value, pe)

#define shmem_atomic_swap(...) SHMEM_JOIN_(SHMEM_atomic_swap_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_swap_3(dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((dest), shmem_, _atomic_swap)(dest, value, pe)
#define SHMEM_atomic_swap_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((dest), shmem_ctx_, _atomic_swap)(ctx, dest, value, pe)

#define shmem_atomic_fetch_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_nbi_3(fetch, source, pe) \
    SHMEM_SELECT_AMO_ANY_((fetch), shmem_, _atomic_fetch_nbi)(fetch, source, pe)
#define SHMEM_atomic_fetch_nbi_4(ctx, fetch, source, pe) \
    SHMEM_SELECT_AMO_ANY_((fetch), shmem_ctx_, _atomic_fetch_nbi)(ctx, fetch, source, pe)

#define shmem_atomic_swap_nbi(...) SHMEM_JOIN_(SHMEM_atomic_swap_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_swap_nbi_4(fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((fetch), shmem_, _atomic_swap_nbi)(fetch, dest, value, pe)
#define SHMEM_atomic_swap_nbi_5(ctx, fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_ANY_((fetch), shmem_ctx_, _atomic_swap_nbi)(ctx, fetch, dest, value, pe)

#define shmem_atomic_compare_swap(...) \
    SHMEM_JOIN_(SHMEM_atomic_compare_swap_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_compare_swap_4(dest, cond, value, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_, _atomic_compare_swap)(dest, cond, value, pe)
#define SHMEM_atomic_compare_swap_5(ctx, dest, cond, value, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_ctx_, _atomic_compare_swap)(ctx, dest, cond, value, pe)

#define shmem_atomic_compare_swap_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_compare_swap_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_compare_swap_nbi_5(fetch, dest, cond, value, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_, _atomic_compare_swap_nbi)(fetch, dest, cond, value, pe)
#define SHMEM_atomic_compare_swap_nbi_6(ctx, fetch, dest, cond, value, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_ctx_, _atomic_compare_swap_nbi)(ctx, fetch, dest, cond, value, pe)

#define shmem_atomic_fetch_inc(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_inc_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_inc_2(dest, pe) SHMEM_SELECT_AMO_((dest), shmem_, _atomic_fetch_inc)(dest, pe)
#define SHMEM_atomic_fetch_inc_3(ctx, dest, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_ctx_, _atomic_fetch_inc)(ctx, dest, pe)

#define shmem_atomic_inc(...) SHMEM_JOIN_(SHMEM_atomic_inc_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_inc_2(dest, pe) SHMEM_SELECT_AMO_((dest), shmem_, _atomic_inc)(dest, pe)
#define SHMEM_atomic_inc_3(ctx, dest, pe) SHMEM_SELECT_AMO_((dest), shmem_ctx_, _atomic_inc)(ctx, dest, pe)

#define shmem_atomic_fetch_inc_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_inc_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_inc_nbi_3(fetch, dest, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_, _atomic_fetch_inc_nbi)(fetch, dest, pe)
#define SHMEM_atomic_fetch_inc_nbi_4(ctx, fetch, dest, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_ctx_, _atomic_fetch_inc_nbi)(ctx, fetch, dest, pe)

#define shmem_atomic_fetch_add(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_add_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_add_3(dest, value, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_, _atomic_fetch_add)(dest, value, pe)
#define SHMEM_atomic_fetch_add_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_ctx_, _atomic_fetch_add)(ctx, dest, value, pe)

#define shmem_atomic_add(...) SHMEM_JOIN_(SHMEM_atomic_add_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_add_3(dest, value, pe) SHMEM_SELECT_AMO_((dest), shmem_, _atomic_add)(dest, value, pe)
#define SHMEM_atomic_add_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_((dest), shmem_ctx_, _atomic_add)(ctx, dest, value, pe)

#define shmem_atomic_fetch_add_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_add_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_add_nbi_4(fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_, _atomic_fetch_add_nbi)(fetch, dest, value, pe)
#define SHMEM_atomic_fetch_add_nbi_5(ctx, fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_((fetch), shmem_ctx_, _atomic_fetch_add_nbi)(ctx, fetch, dest, value, pe)

#define shmem_atomic_and(...) SHMEM_JOIN_(SHMEM_atomic_and_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_and_3(dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_and)(dest, value, pe)
#define SHMEM_atomic_and_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_and)(ctx, dest, value, pe)

#define shmem_atomic_fetch_and(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_and_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_and_3(dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_fetch_and)(dest, value, pe)
#define SHMEM_atomic_fetch_and_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_fetch_and)(ctx, dest, value, pe)

#define shmem_atomic_fetch_and_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_and_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_and_nbi_4(fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_, _atomic_fetch_and_nbi)(fetch, dest, value, pe)
#define SHMEM_atomic_fetch_and_nbi_5(ctx, fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_ctx_, _atomic_fetch_and_nbi)(ctx, fetch, dest, value, pe)

#define shmem_atomic_or(...) SHMEM_JOIN_(SHMEM_atomic_or_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_or_3(dest, value, pe) SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_or)(dest, value, pe)
#define SHMEM_atomic_or_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_or)(ctx, dest, value, pe)

#define shmem_atomic_fetch_or(...) SHMEM_JOIN_(SHMEM_atomic_fetch_or_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_or_3(dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_fetch_or)(dest, value, pe)
#define SHMEM_atomic_fetch_or_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_fetch_or)(ctx, dest, value, pe)

#define shmem_atomic_fetch_or_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_or_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_or_nbi_4(fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_, _atomic_fetch_or_nbi)(fetch, dest, value, pe)
#define SHMEM_atomic_fetch_or_nbi_5(ctx, fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_ctx_, _atomic_fetch_or_nbi)(ctx, fetch, dest, value, pe)

#define shmem_atomic_xor(...) SHMEM_JOIN_(SHMEM_atomic_xor_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_xor_3(dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_xor)(dest, value, pe)
#define SHMEM_atomic_xor_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_xor)(ctx, dest, value, pe)

#define shmem_atomic_fetch_xor(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_xor_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_xor_3(dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_, _atomic_fetch_xor)(dest, value, pe)
#define SHMEM_atomic_fetch_xor_4(ctx, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((dest), shmem_ctx_, _atomic_fetch_xor)(ctx, dest, value, pe)

#define shmem_atomic_fetch_xor_nbi(...) \
    SHMEM_JOIN_(SHMEM_atomic_fetch_xor_nbi_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_atomic_fetch_xor_nbi_4(fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_, _atomic_fetch_xor_nbi)(fetch, dest, value, pe)
#define SHMEM_atomic_fetch_xor_nbi_5(ctx, fetch, dest, value, pe) \
    SHMEM_SELECT_AMO_BIT_((fetch), shmem_ctx_, _atomic_fetch_xor_nbi)(ctx, fetch, dest, value, pe)

#define shmem_wait_until(ivar, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivar), shmem_, _wait_until)(ivar, cmp, cmp_value)

#define shmem_wait_until_all(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_all)(ivars, nelems, status, cmp, cmp_value)

#define shmem_wait_until_any(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_any)(ivars, nelems, status, cmp, cmp_value)

#define shmem_wait_until_some(ivars, nelems, indices, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_some)(ivars, nelems, indices, status, cmp, cmp_value)

#define shmem_wait_until_all_vector(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_all_vector)(ivars, nelems, status, cmp, cmp_value)

#define shmem_wait_until_any_vector(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_any_vector)(ivars, nelems, status, cmp, cmp_value)

#define shmem_wait_until_some_vector(ivars, nelems, indices, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _wait_until_some_vector)                     \
    (ivars, nelems, indices, status, cmp, cmp_value)

#define shmem_test(ivar, cmp, cmp_value) SHMEM_SELECT_WAIT_((ivar), shmem_, _test)(ivar, cmp, cmp_value)

#define shmem_test_all(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_all)(ivars, nelems, status, cmp, cmp_value)

#define shmem_test_any(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_any)(ivars, nelems, status, cmp, cmp_value)

#define shmem_test_some(ivars, nelems, indices, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_some)(ivars, nelems, indices, status, cmp, cmp_value)

#define shmem_test_all_vector(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_all_vector)(ivars, nelems, status, cmp, cmp_value)

#define shmem_test_any_vector(ivars, nelems, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_any_vector)(ivars, nelems, status, cmp, cmp_value)

#define shmem_test_some_vector(ivars, nelems, indices, status, cmp, cmp_value) \
    SHMEM_SELECT_WAIT_((ivars), shmem_, _test_some_vector)(ivars, nelems, indices, status, cmp, cmp_value)

#define shmem_alltoall(team, dest, source, nelems) \
    SHMEM_SELECT_RMA_((dest), shmem_, _alltoall)(team, dest, source, nelems)

#define shmem_collect(team, dest, source, nelems) \
    SHMEM_SELECT_RMA_((dest), shmem_, _collect)(team, dest, source, nelems)

#define shmem_fcollect(team, dest, source, nelems) \
    SHMEM_SELECT_RMA_((dest), shmem_, _fcollect)(team, dest, source, nelems)

#define shmem_alltoalls(team, dest, source, dst, sst, nelems) \
    SHMEM_SELECT_RMA_((dest), shmem_, _alltoalls)(team, dest, source, dst, sst, nelems)

#define shmem_broadcast(team, dest, source, nelems, PE_root) \
    SHMEM_SELECT_RMA_((dest), shmem_, _broadcast)(team, dest, source, nelems, PE_root)

#define shmem_and_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_BIT_REDUCE_((dest), shmem_, _and_reduce)(team, dest, source, nelems)

#define shmem_or_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_BIT_REDUCE_((dest), shmem_, _or_reduce)(team, dest, source, nelems)

#define shmem_xor_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_BIT_REDUCE_((dest), shmem_, _xor_reduce)(team, dest, source, nelems)

#define shmem_max_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_COMPARE_REDUCE_((dest), shmem_, _max_reduce)(team, dest, source, nelems)

#define shmem_min_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_COMPARE_REDUCE_((dest), shmem_, _min_reduce)(team, dest, source, nelems)

#define shmem_sum_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_SUM_REDUCE_((dest), shmem_, _sum_reduce)(team, dest, source, nelems)

#define shmem_prod_reduce(team, dest, source, nelems) \
    SHMEM_SELECT_SUM_REDUCE_((dest), shmem_, _prod_reduce)(team, dest, source, nelems)

/* Of a team, or of an active set with four arguments. */
#define shmem_sync(...) SHMEM_JOIN_(SHMEM_sync_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_sync_1(team) shmem_team_sync(team)
#define SHMEM_sync_4(start, stride, size, psync) (shmem_sync)(start, stride, size, psync)

/* Deprecated. */
#define shmem_fetch(source, pe)            \
    _Generic(*(source), int                \
             : shmem_int_fetch, long       \
             : shmem_long_fetch, long long \
             : shmem_longlong_fetch, float \
             : shmem_float_fetch, double   \
             : shmem_double_fetch)(source, pe)

#define shmem_set(dest, value, pe)       \
    _Generic(*(dest), int                \
             : shmem_int_set, long       \
             : shmem_long_set, long long \
             : shmem_longlong_set, float \
             : shmem_float_set, double   \
             : shmem_double_set)(dest, value, pe)

#define shmem_swap(dest, value, pe)       \
    _Generic(*(dest), int                 \
             : shmem_int_swap, long       \
             : shmem_long_swap, long long \
             : shmem_longlong_swap, float \
             : shmem_float_swap, double   \
             : shmem_double_swap)(dest, value, pe)

#define shmem_cswap(dest, cond, value, pe) \
    _Generic(*(dest), int                  \
             : shmem_int_cswap, long       \
             : shmem_long_cswap, long long \
             : shmem_longlong_cswap)(dest, cond, value, pe)

#define shmem_fadd(dest, value, pe)       \
    _Generic(*(dest), int                 \
             : shmem_int_fadd, long       \
             : shmem_long_fadd, long long \
             : shmem_longlong_fadd)(dest, value, pe)

#define shmem_finc(dest, pe) \
    _Generic(*(dest), int : shmem_int_finc, long : shmem_long_finc, long long : shmem_longlong_finc)(dest, pe)

#define shmem_add(dest, value, pe)       \
    _Generic(*(dest), int                \
             : shmem_int_add, long       \
             : shmem_long_add, long long \
             : shmem_longlong_add)(dest, value, pe)

#define shmem_inc(dest, pe) \
    _Generic(*(dest), int : shmem_int_inc, long : shmem_long_inc, long long : shmem_longlong_inc)(dest, pe)

#endif
